"""Fixtures that every integration test shares."""
import os
import random
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from lab import Lab  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "threads: exercises threads; also run under ThreadSanitizer")
    config.addinivalue_line("markers", "samba: needs Samba domain controllers; run one at a time")
    config.addinivalue_line("markers", "package: needs the Debian package and makes machines; run one at a time")
    config.addinivalue_line("markers", "lengthy: takes about ten seconds or more; left out of a quick run")
    config.addinivalue_line("markers", "no_program: uses none of our programs")
    config.addinivalue_line("markers", "uninstrumented: needs programs built without sanitizers")


# Files whose tests drive the daemon's threads, and files that start domain controllers.
THREADS = ("test_daemon_", "test_membership.py")
SAMBA = ("test_samba_", "test_dir_contract_samba")


def pytest_collection_modifyitems(items):
    for item in items:
        name = item.path.name
        if name.startswith(THREADS):
            item.add_marker(pytest.mark.threads)
        if name.startswith(SAMBA):
            item.add_marker(pytest.mark.samba)


@pytest.fixture
def lab():
    """A realm in a folder of its own; everything that a test starts in it is stopped."""
    with Lab() as fresh:
        yield fresh


@pytest.fixture
def lab_with_directory(lab):
    lab.directory_up()
    return lab


@pytest.fixture(name="rng")
def seeded_rng():
    """Randomness that a failure tells how to repeat."""
    seed = int(os.environ.get("TEST_SEED", random.SystemRandom().getrandbits(32)))
    print(f"TEST_SEED={seed}")
    return random.Random(seed)
