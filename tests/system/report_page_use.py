#!/usr/bin/env python3
"""Uses pages of --report in a browser: report_page_use.py HOME GEARS HOSTILE FRAMES TRACES. Exit 1 where one does not answer."""

import os
import subprocess
import sys

import picture
from browser import Browser

PIXEL = (120, 130)
EXPECTED, REPLAYED = (0x12, 0x34, 0x56), (193, 24, 0)  # of it
SHIFT = 8
# A hang, not a speed: the machine may be busy.
MOST_SECONDS = 20
MOST_ELEMENTS = 500


class Page:
    def __init__(self, browser, home):
        self.browser, self.home = browser, home

    def open(self, path, fragment=''):
        """Milliseconds that the page took, as it counts them."""
        self.browser.open(path, fragment)
        return self.browser.run("performance.getEntriesByType('navigation')[0].loadEventStart")

    def text(self, selector):
        return self.browser.run(f'(document.querySelector({selector!r}) || {{}}).textContent')

    def attribute(self, selector, name):
        return self.browser.run(f'document.querySelector({selector!r}).getAttribute({name!r})')

    def shot(self, name):
        path = f'{self.home}/{name}.png'
        self.browser.screenshot(path)
        return path

    def pixels(self, name):
        """Rows of RGB, by ImageMagick: a window has a million pixels."""
        path = self.shot(name)
        ppm = subprocess.run(['convert', path, '-depth', '8', 'ppm:-'], check=True, capture_output=True).stdout
        return picture.decode_ppm(ppm)

    def color_of(self, pixel, name):
        """What the window shows of a pixel of the first picture."""
        x, y = self.browser.run(f'''(() => {{ const image = document.querySelector('.stage img'), box = image.getBoundingClientRect();
            return [box.left + {pixel[0] + 0.5} * box.width / image.naturalWidth, box.top + {pixel[1] + 0.5} * box.height / image.naturalHeight];
            }})()''')
        shot = self.pixels(name)
        at = 3 * (int(y) * shot.width + int(x))
        return tuple(shot.pixels[at:at + 3])

    def elements(self):
        return self.browser.run("document.querySelectorAll('body *:not(script)').length")

    def filter(self, text):
        """Typed into the box, where nothing else is; what is shown then."""
        self.browser.click('#filter')
        self.browser.run("byId('filter').select()")
        self.browser.type(text) if text else self.browser.run("byId('filter').value = ''; byId('filter').oninput()")
        self.browser.frame()
        return self.text('#shown')


def same(what, value, expected):
    if value != expected:
        sys.exit(f'{what} is {value!r}, expected {expected!r}')


def quiet(browser):
    """No network and no errors, of the page that is open."""
    same('what the page asked the network for', browser.requests(), [])
    bad = [event for event in browser.events if event.get('method') in ('Runtime.exceptionThrown', 'Runtime.consoleAPICalled')]
    same('the errors of the page', bad, [])


def look_at_gears(page, path):
    browser = page.browser
    browser.scheme('light')
    page.open(path)
    browser.until("document.querySelector('#go')")
    same('the verdict', page.text('#verdict'), '1 of 1 failed')
    same('the frame', page.text('#viewer h2'), 'frame 10')
    same('the place of the difference', page.text('#go'), 'Go to the difference: x 120, y 130')
    same('what is said first', page.text('#detail .callout b'), 'The environment is another one than that of the golden set golden, profile default')
    same('the command', page.text('.command pre'), 'vgpu-replay verify gears.vgpu --golden golden')
    same('the rows', browser.run("document.querySelectorAll('.row').length"), 2)
    same('the thumbnails', browser.run("document.querySelectorAll('.row img').length"), 1)
    same('the pictures', browser.run("document.querySelectorAll('#viewer figure img').length"), 3)
    browser.click('#copy')
    browser.until("byId('copy').textContent === 'Copied'")
    colors = {}
    for scheme in ('light', 'dark'):
        browser.scheme(scheme)
        browser.run("byId('viewer').scrollIntoView()")
        shot = page.pixels(scheme)
        pixels = list(zip(*[iter(shot.pixels)] * 3))
        colors[scheme] = sum(pixels[3 * shot.width + 3]) / 3
        # The large gear, twice: in what was expected and in what was replayed.
        share = pixels.count(REPLAYED) / len(pixels)
        print(f'{scheme}: corner {colors[scheme]:.0f}, gears {share:.1%} of the window')
        if share < 0.01:
            sys.exit('the pictures are not shown')
    if colors['light'] < 200 or colors['dark'] > 60:
        sys.exit('the page does not follow the colour scheme')


def move_the_slider(page):
    browser = page.browser
    browser.click('[data-value=slider]')
    browser.click('#go')
    same('the zoom', page.attribute('[data-value="16"]', 'aria-checked'), 'true')
    browser.run("document.querySelector('.pane').scrollIntoView({block: 'center'})")
    browser.run("document.querySelector('.pane').scrollLeft = 0")
    browser.run("document.querySelector('#split').focus({preventScroll: true})")
    browser.key('Home')
    same('the slider', page.attribute('#split', 'aria-valuenow'), '0')
    browser.run('viewer = shown.viewer; viewer.goToDifference()')
    same('the pixel without the overlay of what was expected', page.color_of(PIXEL, 'slider-home'), REPLAYED)
    browser.key('End')
    same('the pixel under what was expected', page.color_of(PIXEL, 'slider-end'), EXPECTED)
    browser.key('ArrowLeft', SHIFT)
    browser.key('ArrowLeft')
    browser.key('PageDown')
    same('the slider after keys', page.attribute('#split', 'aria-valuenow'), '79')
    # The mouse: the handle goes where it is dragged, and the pixel lies left of it, then right of it.
    browser.click('[data-value=fit]')
    x, y = browser.place('.stage')
    left, width = browser.run("(() => { const box = document.querySelector('.stage').getBoundingClientRect(); return [box.left, box.width]; })()")
    handle = browser.place('#split')
    browser.drag(handle, (left + 0.25 * width, y))
    same('the slider after a drag', abs(float(page.attribute('#split', 'aria-valuenow')) - 25) < 1, True)
    same('the pixel right of the slider', page.color_of(PIXEL, 'slider-mouse'), REPLAYED)
    same('that a picture that fits needs no scroll bar', browser.run('''[...document.querySelectorAll('.pane')]
        .every(one => one.scrollWidth <= one.clientWidth && one.scrollHeight <= one.clientHeight)'''), True)
    browser.drag((left + 0.25 * width, y), (left + 0.75 * width, y))
    same('the pixel left of the slider', page.color_of(PIXEL, 'slider-mouse'), EXPECTED)


def go_on_with_gears(page):
    browser = page.browser
    browser.click('[data-value=flicker]')
    for which in ('expected', 'replayed', 'expected'):
        browser.until(f"byId('which').textContent === '{which}'")
    browser.click('[data-value=side]')
    # A pixel under the mouse.
    browser.mouse('mouseMoved', *browser.place('.mark'))
    same('the pixel that is pointed at', page.text('#pixel'),
         'x 120, y 130 expected 18, 52, 86, 255 replayed 193, 24, 0, 255 difference 175, 28, 86, 0')
    # The timeline: frame 15 of 30 lies in the middle.
    browser.click('#timeline', across=0.51)
    same('the frame that was clicked', page.text('#viewer h2'), 'frame 15')
    same('what is said of its pictures', page.text('#viewer > p:last-child'), 'No pictures of this frame were kept.')
    for key, frame in (('ArrowLeft', 14), ('Home', 0), ('End', 29)):
        browser.key(key)
        same('the frame after ' + key, page.text('#viewer h2'), f'frame {frame}')
    browser.click('#list', down=0.99)
    browser.key('Home')
    browser.key('ArrowDown')
    same('the frame of the list', page.text('#viewer h2'), 'frame 10')
    same('the chosen row', page.text('.row[aria-selected=true] .text div'), 'frame 10: different')
    same('what is shown after a text that is nowhere', page.filter('nowhere'), '0 of 1 trace, 0 frames shown')
    same('the rows', browser.run("document.querySelectorAll('.row').length"), 0)
    same('what is shown after frame 10', page.filter('frame 10'), '1 of 1 trace, 1 frame shown')
    same('what is shown without a text', page.filter(''), '1 of 1 trace, 1 frame shown')
    browser.click('#frame-chips button:first-child')
    same('what is shown with equal frames', page.text('#shown'), '1 of 1 trace, 30 frames shown')
    quiet(browser)
    browser.size(390, 844, mobile=True)
    page.shot('phone')
    same('the width on a phone', browser.run('document.documentElement.scrollWidth'), 390)
    browser.size(1280, 900)


def look_at_hostile_text(page, path):
    page.open(path)
    same('what a script of the trace did', page.browser.run('window.broken'), None)
    same('the elements that the trace made', page.browser.run("document.querySelectorAll('img[onerror], main script').length"), 0)
    if '<img src=x' not in page.text('#detail h2'):
        sys.exit('the name of the trace is not shown as it is')
    words = page.browser.run("['header', 'main'].map(one => document.querySelector(one).textContent).join()")
    if any(one in words for one in ('\x01', '\x1b', '\x9b', '\u202e')) or '\\u202e' not in words:
        sys.exit('the page holds characters that turn its own words around')
    if 'it cannot be read' not in page.text('#viewer'):
        sys.exit('the page does not say which picture it cannot show')
    same('that long words are broken', page.browser.run('''['body', 'header', '#detail'].map(one => document.querySelector(one))
        .every(one => one.scrollWidth <= one.clientWidth)'''), True)
    page.shot('hostile')
    quiet(page.browser)


def look_at_many(page, path, filters):
    """Load and filter times are printed, not judged: only a hang is."""
    browser = page.browser
    took = page.open(path)
    if browser.run("!document.querySelector('.row')") or took > 1000 * MOST_SECONDS:
        sys.exit(f'{path}: is there after {took:.0f} ms')
    most = page.elements()
    # Through all of the list, a window at a time.
    browser.run('''(async () => { const list = byId('list');
        for (let at = 0; at < list.scrollHeight; at += list.scrollHeight / 20) {
          list.scrollTop = at;
          await new Promise(requestAnimationFrame);
        }
        list.scrollTop = 0; })()''')
    most = max(most, page.elements())
    times = []
    for text, shown in filters:
        same(f'{path}: what is shown for {text!r}', page.filter(text), shown)
        times.append(browser.run('''(() => { const begin = performance.now(); byId('filter').oninput(); return performance.now() - begin; })()'''))
        most = max(most, page.elements())
    size = os.path.getsize(path)
    print(f'{path}: {size / 1e6:.1f} MB, loaded in {took:.0f} ms, filtered in at most {max(times):.1f} ms, at most {most} elements')
    if most > MOST_ELEMENTS or max(times) > 1000 * MOST_SECONDS:
        sys.exit(f'{path}: has {most} elements; a filter takes {max(times):.0f} ms')
    page.shot(os.path.splitext(os.path.basename(path))[0])
    quiet(browser)


def main():
    home, gears, hostile, frames, traces = sys.argv[1:]
    with Browser(os.path.abspath(home)) as browser:
        page = Page(browser, home)
        browser.size(1280, 900)
        look_at_gears(page, gears)
        move_the_slider(page)
        go_on_with_gears(page)
        browser.scheme('light')
        look_at_hostile_text(page, hostile)
        # A frame's text is its number and its message: see results.py.
        with_1 = sum('1' in f'{i} {i * 20}' for i in range(1, 1000, 3))
        look_at_many(page, frames, (('frame 1', f'1 of 1 trace, {with_1} frames shown'), ('', '1 of 1 trace, 333 frames shown')))
        look_at_many(page, traces, (('trace-099', '10 of 1,000 traces, 1 frame shown'), ('failed', '143 of 1,000 traces, 143 frames shown'),
                                    ('', '1,000 of 1,000 traces, 143 frames shown')))


if __name__ == '__main__':
    main()
