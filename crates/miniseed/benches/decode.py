"""Millions of samples a second, decoding FILE by pymseed and by ObsPy, on one thread and on two."""

import io
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import obspy
from pymseed import MS3Record, MS3TraceList

with open(sys.argv[1], "rb") as file:
    content = file.read()


def records(part):
    return sum(m.samplecnt for m in MS3Record.from_buffer(bytearray(part), unpack_data=True))


def trace_list(part):
    traces = MS3TraceList.from_buffer(bytearray(part), unpack_data=True)
    return sum(segment.samplecnt for trace in traces for segment in trace)


def stream(part):
    return sum(trace.stats.npts for trace in obspy.read(io.BytesIO(part), format="MSEED"))


# Records are 512 bytes long; both halves are files of their own.
middle = len(content) // 1024 * 512
halves = [content[:middle], content[middle:]]
for name, decode in [
    ("pymseed records", records),
    ("pymseed trace list", trace_list),
    ("obspy.read", stream),
]:
    started = time.perf_counter()
    samples = decode(content)
    print(f"{name}, one thread", samples / (time.perf_counter() - started) / 1e6)
    with ThreadPoolExecutor(2) as pool:
        started = time.perf_counter()
        samples = sum(pool.map(decode, halves))
        print(f"{name}, two threads", samples / (time.perf_counter() - started) / 1e6)
