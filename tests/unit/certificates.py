"""Certificates that tests only read: what it takes to make them is done once a process."""

from lab.certificates.material import RunCertificates

HOST = "ftp.lab.test"
#: Whoever adds to it, or counts what is made, has one of their own.
MATERIAL = RunCertificates([HOST])
MATERIAL.add_addresses({HOST: "172.30.7.10"})
