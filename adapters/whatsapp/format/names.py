"""Names that programmers write with two underscores on both sides."""

_PYTHON = (
    "abs add aenter aexit aiter all and anext annotations api appname author await bases bool"
    " build builtins bytes call cause class code complex contains context copyright debug"
    " deepcopy defaults del delattr delete delitem dict dir divmod doc enter eq exit file float"
    " floordiv format func future ge get getattr getitem getstate globals gt hash import index"
    " init int invert iter kwdefaults le len license loader lshift lt main matmul missing mod"
    " module mro mul name ne neg new next or package path pow prepare pycache qualname radd rand"
    " reduce repr reversed rmul ror round rshift rsub rtruediv self set setattr setitem setstate"
    " signature sizeof slots spec str sub subclasses traceback truediv trunc version"
    " weakref wrapped xor"
)
_OTHERS = "dirname filename proto typename schema tests mocks snapshots construct destruct"
_KNOWN = frozenset(f"{_PYTHON} {_OTHERS}".split())


def identifies(name: str, before: str, after: str) -> bool:
    """Whether __name__ is a name of some program's, by itself or by the characters around it."""
    if not (name.isascii() and name.isidentifier()):
        return False
    return name in _KNOWN or "_" in name or before == "." or after == "("
