"""A person's nginx.conf: what is known of one before it is read."""

from lab.own.configurations import OwnConfiguration
from lab.servers.nginx import Nginx

READER = OwnConfiguration(
    file="nginx.conf",
    software="nginx",
    settings=Nginx,
    help="your origin's nginx.conf, or its server block",
    is_written=True,
)
