"""A headless Chromium, driven over a pipe by its DevTools protocol: what it gets is real input."""

import base64
import json
import os
import subprocess

KEYS = {'ArrowLeft': 37, 'ArrowUp': 38, 'ArrowRight': 39, 'ArrowDown': 40, 'PageUp': 33, 'PageDown': 34, 'End': 35, 'Home': 36, 'Enter': 13}


class Browser:
    """One browser with one page. `home`: an empty folder of its own."""

    def __init__(self, home):
        to_read, self.to = os.pipe()
        self.of, of_write = os.pipe()
        # The browser reads descriptor 3 and writes 4. Without its sandbox, which refuses root.
        script = f'exec 3<&{to_read} 4>&{of_write}; exec chromium "$@"'
        self.process = subprocess.Popen(
            ['bash', '-c', script, 'chromium', '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
             '--remote-debugging-pipe', f'--user-data-dir={home}/profile', '--window-size=1280,900', 'about:blank'],
            env={**os.environ, 'HOME': home}, pass_fds=(to_read, of_write), stderr=open(f'{home}/browser-log', 'wb'))
        os.close(to_read)
        os.close(of_write)
        self.buffer, self.number, self.session, self.events = b'', 0, None, []
        page = next(one for one in self.call('Target.getTargets')['targetInfos'] if one['type'] == 'page')
        self.session = self.call('Target.attachToTarget', targetId=page['targetId'], flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Network'):
            self.call(domain + '.enable')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def receive(self):
        while b'\0' not in self.buffer:
            got = os.read(self.of, 1 << 20)
            if not got:
                raise RuntimeError('the browser ended')
            self.buffer += got
        message, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {'id': self.number, 'method': method, 'params': parameters}
        if self.session:
            message['sessionId'] = self.session
        os.write(self.to, json.dumps(message).encode() + b'\0')
        while True:
            answer = self.receive()
            if answer.get('id') == self.number:
                if 'error' in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer['result']
            self.events.append(answer)

    def go(self, url):
        self.events.clear()
        self.call('Page.navigate', url=url)
        while not any(event.get('method') == 'Page.loadEventFired' for event in self.events):
            self.events.append(self.receive())

    def open(self, path, fragment=''):
        """Loads a file, always anew."""
        self.go('about:blank')
        self.go('file://' + os.path.abspath(path) + fragment)

    def run(self, script):
        """The value of an expression of the page; promises are waited for."""
        answer = self.call('Runtime.evaluate', expression=script, awaitPromise=True, returnByValue=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']['exception'].get('description')}")
        return answer['result'].get('value')

    def until(self, script, seconds=20):
        """Waits until an expression is true."""
        self.run(f'''new Promise((done, fail) => {{
            const end = performance.now() + {seconds * 1000};
            const look = () => ({script}) ? done() : performance.now() > end ? fail(new Error('never')) : setTimeout(look, 20);
            look(); }})''')

    def frame(self):
        """Waits until the page has been drawn."""
        self.run('new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))')

    def key(self, key, modifiers=0):
        for kind in ('rawKeyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key], modifiers=modifiers)

    def type(self, text):
        for letter in text:
            self.call('Input.dispatchKeyEvent', type='keyDown', key=letter, text=letter)
            self.call('Input.dispatchKeyEvent', type='keyUp', key=letter)

    def mouse(self, kind, x, y, **more):
        self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, **more)

    def click(self, selector, across=0.5, down=0.5):
        x, y = self.place(selector, across, down)
        self.mouse('mousePressed', x, y, button='left', clickCount=1)
        self.mouse('mouseReleased', x, y, button='left', clickCount=1)

    def drag(self, start, end):
        self.mouse('mousePressed', *start, button='left', buttons=1, clickCount=1)
        self.mouse('mouseMoved', (start[0] + end[0]) / 2, (start[1] + end[1]) / 2, button='left', buttons=1)
        self.mouse('mouseMoved', *end, button='left', buttons=1)
        self.mouse('mouseReleased', *end, button='left', clickCount=1)

    def place(self, selector, across=0.5, down=0.5):
        """A point of an element in the window, which scrolls there."""
        box = self.run(f'''(() => {{ const one = document.querySelector({json.dumps(selector)});
            one.scrollIntoViewIfNeeded(); const box = one.getBoundingClientRect();
            return [box.left, box.top, box.width, box.height]; }})()''')
        return box[0] + across * box[2], box[1] + down * box[3]

    def scheme(self, scheme):
        self.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])

    def size(self, width, height, mobile=False):
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def screenshot(self, path):
        self.frame()
        with open(path, 'wb') as file:
            file.write(base64.b64decode(self.call('Page.captureScreenshot', format='png')['data']))

    def requests(self):
        """What the page asked the network for, itself and what lies in it apart."""
        urls = [event['params']['request']['url'] for event in self.events if event.get('method') == 'Network.requestWillBeSent']
        return [url for url in urls if not url.startswith(('file:', 'data:', 'about:'))]
