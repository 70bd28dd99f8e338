//! Categories form a forest: each has at most one parent and is never its own ancestor.

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::events::EventBody;
use crate::ids::CategoryId;
use crate::text::Name;
use crate::{Timestamp, Version};

/// A category as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its id.
    pub id: CategoryId,
    /// For people.
    pub name: Name,
    /// The category above it.
    pub parent_id: Option<CategoryId>,
    /// How often it was changed.
    pub version: Version,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// A category to create.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCategory {
    /// For people.
    pub name: Name,
    /// The category above it.
    pub parent_id: Option<CategoryId>,
}

/// The fields of a category to change; absent fields stay.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CategoryPatch {
    /// New name.
    pub name: Option<Name>,
    /// New parent; `Some(None)` makes it a root.
    pub parent_id: Option<Option<CategoryId>>,
}

pub(super) fn create(draft: &mut Draft<'_>, new: &NewCategory) -> Result<Reply, Stop> {
    if let Some(parent) = new.parent_id {
        draft.category(parent)?;
    }
    let now = draft.now();
    let category = Category {
        id: draft.next_category_id(),
        name: new.name.clone(),
        parent_id: new.parent_id,
        version: 1,
        created_at: now,
        updated_at: now,
        deleted_at: None,
    };
    draft.put_category(category.clone());
    draft.emit("category.created", EventBody::Category(category.clone()));
    Ok(Reply::Category(category))
}

pub(super) fn update(
    draft: &mut Draft<'_>,
    id: CategoryId,
    expected_version: Option<Version>,
    patch: &CategoryPatch,
) -> Result<Reply, Stop> {
    let mut category = draft.category(id)?;
    draft.expect_version(expected_version, category.version)?;
    if let Some(name) = &patch.name {
        category.name = name.clone();
    }
    if let Some(parent_id) = patch.parent_id {
        let mut ancestor = parent_id;
        while let Some(above) = ancestor {
            if above == id {
                return Err(Refusal::CategoryCycle { category_id: id }.into());
            }
            ancestor = draft.category(above)?.parent_id;
        }
        category.parent_id = parent_id;
    }
    save(draft, category, "category.updated")
}

pub(super) fn delete(
    draft: &mut Draft<'_>,
    id: CategoryId,
    expected_version: Option<Version>,
) -> Result<Reply, Stop> {
    let mut category = draft.category(id)?;
    draft.expect_version(expected_version, category.version)?;
    let uses = draft.category_uses(id)?;
    if uses > 0 {
        return Err(Refusal::CategoryInUse { category_id: id, uses }.into());
    }
    category.deleted_at = Some(draft.now());
    save(draft, category, "category.deleted")
}

fn save(draft: &mut Draft<'_>, mut category: Category, event: &'static str) -> Result<Reply, Stop> {
    category.version += 1;
    category.updated_at = draft.now();
    draft.put_category(category.clone());
    draft.emit(event, EventBody::Category(category.clone()));
    Ok(Reply::Category(category))
}
