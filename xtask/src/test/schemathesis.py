"""What schemathesis has to be told in its own language; the step is in `promises.rs`."""

import schemathesis

# A file of JSON lines is a text like any other.
schemathesis.serializer.alias("application/x-ndjson", "text/plain")
