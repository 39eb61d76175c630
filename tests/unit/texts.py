"""Text as parsed from JSON: only characters that XML 1.0 allows."""

from hypothesis import strategies as st

_CONTROLS = "".join(map(chr, range(32)))


def xml_text(*, min_size: int = 0, max_size: int) -> st.SearchStrategy[str]:
    """Any such text of `min_size` to `max_size` characters."""
    allowed = st.characters(exclude_categories=["Cs"], exclude_characters=f"{_CONTROLS}\ufffe\uffff")
    return st.text(allowed | st.sampled_from("\t\n\r"), min_size=min_size, max_size=max_size)
