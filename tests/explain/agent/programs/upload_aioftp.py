"""Upload a file with aioftp."""

import asyncio
import os
import ssl
import sys

import aioftp

host, port, file, ca, tls = sys.argv[1:]


async def main():
    context = ssl.create_default_context(cafile=ca)
    client = aioftp.Client(
        socket_timeout=4, connection_timeout=4, ssl=context if tls == "implicit" else None
    )
    await client.connect(host, int(port))
    if tls == "tls":
        await client.upgrade_to_tls(context)
    await client.login("lab", os.environ["PASSWORD"])
    async with client.upload_stream("delivery.bin") as stream:
        with open(file, "rb") as content:
            await stream.write(content.read())
    await client.quit()


asyncio.run(main())
