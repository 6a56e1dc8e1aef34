"""Tests of a user's, which use Dragon in pytest's own process."""

import multiprocessing as mp

import dragon  # noqa: F401
import pytest


def square(n):
    return n * n


@pytest.mark.parametrize("number", range(3))
def test_pool(number):
    with mp.get_context("dragon").Pool(2) as pool:
        assert pool.map(square, range(number, number + 3)) == [n * n for n in range(number, number + 3)]
