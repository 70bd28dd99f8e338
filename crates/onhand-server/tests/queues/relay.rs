//! Events on their way out, as a consumer that knows CloudEvents and not us sees them.
