#!/usr/bin/env python3
"""The comparison of pictures that system tests rest on, on pictures that are made here."""

import random
import struct
import tempfile
import unittest
import zlib

import picture

WIDTH, HEIGHT = 7, 10


def random_rgb(channels):
    return random.Random(1).randbytes(WIDTH * HEIGHT * channels)


def png(pixels, channels, kind_of_row=lambda y: y % 5):
    stride = WIDTH * channels
    raw, above = b'', bytes(stride)
    for y in range(HEIGHT):
        row, kind = pixels[y * stride:(y + 1) * stride], kind_of_row(y)
        raw += bytes([kind]) + filtered(row, above, channels, kind)
        above = row
    header = struct.pack('>IIBBBBB', WIDTH, HEIGHT, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = ((b'IHDR', header), (b'IDAT', zlib.compress(raw)), (b'IEND', b''))
    return picture.PNG_MAGIC + b''.join(
        struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body)) for kind, body in chunks)


def filtered(row, above, step, kind):
    left, corner = bytes(step) + row, bytes(step) + above
    return bytes((row[i] - picture.PREDICTORS[kind](left[i], above[i], corner[i])) & 0xff for i in range(len(row)))


def read(data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return picture.read(file.name)


def ppm(pixels):
    return b'P6\n%d %d\n255\n' % (WIDTH, HEIGHT) + pixels


class PictureTest(unittest.TestCase):
    def test_every_row_filter_is_undone(self):
        pixels = random_rgb(3)
        self.assertEqual(read(png(pixels, 3)).pixels, pixels)

    def test_png_and_ppm_of_the_same_pixels_are_identical(self):
        pixels = random_rgb(3)
        self.assertIsNone(picture.difference(read(png(pixels, 3)), read(ppm(pixels))))

    def test_alpha_is_not_compared(self):
        opaque = random_rgb(4)
        clear = bytes(0 if i % 4 == 3 else byte for i, byte in enumerate(opaque))
        self.assertIsNone(picture.difference(read(png(opaque, 4)), read(png(clear, 4))))

    def test_pixels_that_begin_like_white_space_are_kept(self):
        pixels = b'\n \t' + random_rgb(3)[3:]
        self.assertEqual(read(ppm(pixels)).pixels, pixels)

    def test_one_changed_channel_is_found_with_its_place(self):
        pixels = bytearray(random_rgb(3))
        changed = bytearray(pixels)
        changed[(2 * WIDTH + 3) * 3 + 1] ^= 1
        self.assertEqual(picture.difference(read(ppm(pixels)), read(ppm(changed))),
                         '1 of 70 pixels differ, the first at 3,2; largest difference 1')

    def test_another_size_is_a_difference(self):
        small = picture.Picture(1, 1, bytes(3))
        self.assertEqual(picture.difference(small, read(ppm(random_rgb(3)))), 'the sizes differ: 1x1 and 7x10')

    def test_a_cut_file_is_no_picture(self):
        for whole in (png(random_rgb(3), 3), ppm(random_rgb(3)), b'GIF89a'):
            with self.assertRaises(ValueError):
                read(whole[:len(whole) // 2])


if __name__ == '__main__':
    unittest.main()
