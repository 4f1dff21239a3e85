"""The table of mutations fits the code that it changes."""

import pytest
from mutate import ROOT, TABLE, Mutation, read_table


@pytest.mark.parametrize("mutation", read_table(TABLE), ids=lambda one: one.name)
def test_a_mutation_changes_one_place_of_a_file_and_names_tests_that_are_there(mutation: Mutation):
    text = (ROOT / "src/argand" / mutation.file).read_text(encoding="utf-8")
    assert text.count(mutation.old) == 1
    assert mutation.old != mutation.new
    assert mutation.tests
    assert all((ROOT / test).exists() for test in mutation.tests)
