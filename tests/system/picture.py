#!/usr/bin/env python3
"""Compares pictures, PNG or PPM: picture.py A B. A display shows no transparency: alpha is not compared.

Exit status: 0 if all pixels are identical; 1 if the sizes or any pixels differ, and how; 2 if a file is no picture.
"""

import re
import struct
import sys
import zlib

PNG_MAGIC = b'\x89PNG\r\n\x1a\n'
CHANNELS = {2: 3, 6: 4}  # by PNG's colour type: RGB, RGBA


class Picture:
    """Rows of 8-bit RGB from the top, without padding."""

    def __init__(self, width, height, pixels):
        if len(pixels) != width * height * 3:
            raise ValueError(f'{width}x{height} pixels have {len(pixels)} bytes, expected {width * height * 3}')
        self.width, self.height, self.pixels = width, height, pixels


def png_chunks(data):
    at = len(PNG_MAGIC)
    while at < len(data):
        length, kind = struct.unpack_from('>I4s', data, at)
        yield kind, data[at + 8:at + 8 + length]
        at += length + 12


def paeth(left, up, corner):
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))


# Each filter of a PNG row predicts a byte from its neighbours: to the left, above, above to the left.
PREDICTORS = (
    lambda left, up, corner: 0,
    lambda left, up, corner: left,
    lambda left, up, corner: up,
    lambda left, up, corner: (left + up) // 2,
    paeth,
)


def unfilter(filtered, kind, above, step):
    if kind == 0:
        return bytearray(filtered)
    row = bytearray(step) + filtered  # pixels to the left of the first count as 0
    above = bytes(step) + above
    predict = PREDICTORS[kind]
    for i in range(step, len(row)):
        row[i] = (row[i] + predict(row[i - step], above[i], above[i - step])) & 0xff
    return row[step:]


def decode_png(data):
    chunks = list(png_chunks(data))
    width, height, depth, color, _, _, interlaced = struct.unpack('>IIBBBBB', dict(chunks)[b'IHDR'])
    if depth != 8 or color not in CHANNELS or interlaced:
        raise ValueError(f'a PNG with depth {depth}, colour type {color}, interlace {interlaced} is not read here')
    step = CHANNELS[color]
    stride = width * step
    raw = zlib.decompress(b''.join(content for kind, content in chunks if kind == b'IDAT'))
    row, pixels = bytes(stride), bytearray()
    for y in range(height):
        at = y * (stride + 1)
        row = unfilter(raw[at + 1:at + 1 + stride], raw[at], row, step)
        pixels += row
    if step == 4:
        del pixels[3::4]
    return Picture(width, height, bytes(pixels))


def decode_ppm(data):
    header = re.match(rb'P6\s+(\d+)\s+(\d+)\s+255\s', data)
    if not header:
        raise ValueError('only a PPM of 8 bits without comments is read here')
    return Picture(int(header[1]), int(header[2]), data[header.end():])


def read(path):
    """Raises ValueError if the file is no picture that is read here."""
    with open(path, 'rb') as file:
        data = file.read()
    try:
        if data.startswith(PNG_MAGIC):
            return decode_png(data)
        if data.startswith(b'P6'):
            return decode_ppm(data)
        raise ValueError('it is neither a PNG nor a PPM')
    except (ValueError, KeyError, IndexError, struct.error, zlib.error) as error:
        raise ValueError(f'{path} cannot be read: {error}') from error


def difference(a, b):
    """None if they are identical, else a sentence."""
    if (a.width, a.height) != (b.width, b.height):
        return f'the sizes differ: {a.width}x{a.height} and {b.width}x{b.height}'
    if a.pixels == b.pixels:
        return None
    places = [i for i in range(0, len(a.pixels), 3) if a.pixels[i:i + 3] != b.pixels[i:i + 3]]
    largest = max(abs(x - y) for x, y in zip(a.pixels, b.pixels))
    x, y = places[0] // 3 % a.width, places[0] // 3 // a.width
    return f'{len(places)} of {a.width * a.height} pixels differ, the first at {x},{y}; largest difference {largest}'


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        a, b = map(read, sys.argv[1:])
    except (OSError, ValueError) as error:
        print(f'picture.py: {error}', file=sys.stderr)
        sys.exit(2)
    found = difference(a, b)
    if found:
        sys.exit(f'{sys.argv[1]} and {sys.argv[2]}: {found}')
    print(f'identical: {a.width}x{a.height} pixels')


if __name__ == '__main__':
    main()
