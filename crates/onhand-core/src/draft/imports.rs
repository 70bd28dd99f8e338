//! What a decision reads and leaves of imports.

use super::Draft;
use super::rows::missing;
use crate::command::Stop;
use crate::ids::ImportId;
use crate::imports::{Import, ImportRow};

impl Draft<'_> {
    pub(crate) fn find_import(&self, id: ImportId) -> Result<Option<ImportRow>, Stop> {
        if let Some(row) = self.changes.imports.get(&id) {
            return Ok(Some(row.clone()));
        }
        match self.state.imports.get(&id) {
            Some(row) => Ok(row.clone()),
            None => missing(|needs| {
                needs.imports.insert(id);
            }),
        }
    }

    pub(crate) fn save_import(&mut self, mut row: ImportRow) -> Import {
        row.import.version += 1;
        row.import.updated_at = self.now();
        let import = row.import.clone();
        self.put(|changes| &mut changes.imports, import.id, row);
        import
    }

    /// The id of the import that the next event begins.
    ///
    /// # Panics
    /// Beyond 2^53 events.
    pub(crate) fn import_id_of_next_event(&self) -> ImportId {
        let number = self.next_event_seq();
        match ImportId::new(number) {
            Some(id) => id,
            None => panic!("out of ids: {number}"),
        }
    }
}
