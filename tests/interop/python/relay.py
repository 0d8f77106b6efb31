"""Passes many loopback ports on to one server: relay.py TARGET_PORT PORT…

After SIGUSR1 it goes on accepting but answers nobody, and what was open stays open and silent.
"""

import asyncio
import signal
import sys

silent = asyncio.Event()


async def pass_on(reader, writer):
    while chunk := await reader.read(65536):
        if silent.is_set():
            await asyncio.Event().wait()
        writer.write(chunk)
        await writer.drain()
    writer.close()


async def serve(reader, writer):
    if silent.is_set():
        await asyncio.Event().wait()
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    await asyncio.gather(pass_on(reader, up_writer), pass_on(up_reader, writer), return_exceptions=True)


async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, silent.set)
    for port in sys.argv[2:]:
        await asyncio.start_server(serve, "127.0.0.1", int(port))
    await asyncio.Event().wait()


asyncio.run(main())
