# SPDX-License-Identifier: MIT
"""Every test ends: whatever it waits for, pytest-timeout stops it."""

import pytest

QUICK, SLOW = 600, 3600         # seconds, far above what any of them takes


def pytest_configure(config):
    if not config.pluginmanager.hasplugin("timeout"):
        raise pytest.UsageError("pytest-timeout is missing: run scripts/setup")


def pytest_collection_modifyitems(items):
    for test in items:
        limit = SLOW if test.get_closest_marker("slow") else QUICK
        if not test.get_closest_marker("timeout"):
            test.add_marker(pytest.mark.timeout(limit))
