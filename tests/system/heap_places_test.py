#!/usr/bin/env python3
"""The check of places that system tests rest on, on traces that are made here."""

import contextlib
import io
import unittest

import heap_places

HEAP, SIZE, PAGE = 2, 1 << 20, heap_places.PAGE


def trace(*commands):
    """Commands are (name, resource id, response, places or None), numbered from 0."""
    packets = [{'packet': 'heap', 'id': 1, 'size': 1 << 30}, {'packet': 'heap', 'id': HEAP, 'size': SIZE}]
    for number, (name, resource, response, places) in enumerate(commands):
        packets.append({'packet': 'command', 'number': number, 'response': {'response': response},
                        'request': {'command': name, 'resource_id': resource}})
        if places is not None:
            kind = 'ATTACH' if name == 'RESOURCE_ATTACH_BACKING' else 'DETACH'
            packets.append({'packet': 'heap_event', 'kind': kind, 'command': number, 'resource_id': resource, 'place': places})
    return packets


def attach(resource, *ranges, response='OK_NODATA', heap=HEAP):
    places = [{'heap': heap, 'offset': offset, 'size': size} for offset, size in ranges]
    return 'RESOURCE_ATTACH_BACKING', resource, response, places


def detach(resource):
    return 'RESOURCE_DETACH_BACKING', resource, 'OK_NODATA', []


def unref(resource):
    return 'RESOURCE_UNREF', resource, 'OK_NODATA', None


def said_of(*commands):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        heap_places.check(trace(*commands), SIZE)
    return out.getvalue().strip()


class Places(unittest.TestCase):

    def expect_wrong(self, what, *commands):
        with self.assertRaisesRegex(ValueError, what):
            said_of(*commands)

    def test_places_are_counted_and_may_be_used_again(self):
        said = said_of(attach(1, (0, PAGE)), attach(2, (PAGE, PAGE)), detach(1), attach(3, (0, PAGE)), unref(2), unref(3))
        self.assertEqual(said, f'3 places in heap {HEAP}, 2 of them at once at most')

    def test_what_was_refused_does_not_count(self):
        refused = attach(2, (0, PAGE), response='ERR_INVALID_PARAMETER')
        self.assertEqual(said_of(attach(1, (0, PAGE)), refused, unref(2), unref(1)),
                         f'1 places in heap {HEAP}, 1 of them at once at most')

    def test_a_place_over_another_is_wrong(self):
        self.expect_wrong('over resource 1', attach(1, (0, 2 * PAGE)), attach(2, (PAGE, PAGE)))

    def test_a_place_in_other_memory_or_in_pieces_is_wrong(self):
        self.expect_wrong('not in one range', attach(1, (0, PAGE), heap=1))
        self.expect_wrong('not in one range', attach(1, (0, PAGE), (2 * PAGE, PAGE)))

    def test_a_place_that_is_no_whole_pages_is_wrong(self):
        self.expect_wrong('no whole pages', attach(1, (16, PAGE)))
        self.expect_wrong('no whole pages', attach(1, (0, 16)))

    def test_what_is_left_at_the_end_is_wrong_and_so_is_nothing(self):
        self.expect_wrong('still in the heap', attach(1, (0, PAGE)))
        self.expect_wrong('nothing was placed')

    def test_a_trace_without_the_heap_is_wrong(self):
        with self.assertRaisesRegex(ValueError, '0 heaps of 4096 bytes'):
            heap_places.check(trace(), 4096)


if __name__ == '__main__':
    unittest.main()
