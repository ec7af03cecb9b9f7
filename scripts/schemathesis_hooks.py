"""For scripts/schemathesis.sh: what the tool does not know by itself."""

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def bytes_of_an_upload(ctx, value):
    """The body of tus is bytes, whatever was made up."""
    if isinstance(value, bytes):
        return value
    return str(value).encode("utf-8", "replace")
