# SPDX-License-Identifier: MIT
"""Every test ends: whatever it waits for, pytest-timeout stops it.  And what it
wrote goes when it passed: all of it together is more than 10 GiB, which is more
than /tmp has where it is in memory."""

import shutil

import pytest

PASSED = pytest.StashKey()
QUICK, SLOW = 600, 3600         # seconds, far above what any of them takes


def pytest_configure(config):
    if not config.pluginmanager.hasplugin("timeout"):
        raise pytest.UsageError("pytest-timeout is missing: run scripts/setup")
    config.addinivalue_line(
        "markers", "slow: not part of `make check`, only of check-full")


def pytest_collection_modifyitems(items):
    for test in items:
        limit = SLOW if test.get_closest_marker("slow") else QUICK
        if not test.get_closest_marker("timeout"):
            test.add_marker(pytest.mark.timeout(limit))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.stash[PASSED] = outcome.get_result().passed
    elif call.when == "teardown" and item.stash.get(PASSED, False) and \
            "tmp_path" in item.funcargs:
        shutil.rmtree(item.funcargs["tmp_path"], ignore_errors=True)
