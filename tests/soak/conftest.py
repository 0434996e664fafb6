from collections.abc import Iterator

import pytest

from deployment.platform import Platform, platform


@pytest.fixture
def main_platform(vhost_url: str) -> Iterator[Platform]:
    with platform(vhost_url) as played:
        yield played
