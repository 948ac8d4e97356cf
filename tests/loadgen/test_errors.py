from loadgen.errors import InputError


def test_an_error_is_one_line_whatever_it_names() -> None:
    assert str(InputError("key 'a\nb' =\t1: no such key\r\n")) == "key 'a b' = 1: no such key"


def test_its_facts_are_attributes() -> None:
    assert InputError("field: wrong", field="rps").field == "rps"  # type: ignore[attr-defined]
