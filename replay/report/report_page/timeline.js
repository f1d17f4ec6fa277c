'use strict';
// What all parts of the page use, and the strip that shows each frame of a trace.
// What steers a terminal or turns the direction of writing is shown by its number: it comes from traces, and would turn
// the page's own words around too. The command line stays as it is, to be copied.
const steering = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const harmless = text => text.replace(steering, one => '\\u' + one.charCodeAt(0).toString(16).padStart(4, '0'));
const data = JSON.parse(document.getElementById('data').textContent,
                        (key, value) => typeof value === 'string' && key !== 'reproduce' ? harmless(value) : value);
const byId = id => document.getElementById(id);

// Text of results reaches the page through textContent only.
function add(parent, tag, text, className) {
  const element = parent.appendChild(document.createElement(tag));
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

const count = (number, one, many) => `${number.toLocaleString('en')} ${number === 1 ? one : many || one + 's'}`;
const seconds = value => value >= 60 ? `${Math.floor(value / 60)} min ${Math.round(value % 60)} s` : `${value.toFixed(value < 10 ? 2 : 1)} s`;
const percent = share => share >= 0.1 ? (100 * share).toFixed(1) + ' %' : share >= 0.0001 ? (100 * share).toFixed(2) + ' %' :
    share > 0 ? '< 0.01 %' : '0 %';

// By the texts of the tables; a status that is not here is shown as one that is neither good nor bad.
const colors = {
  'passed': 'good', 'failed': 'bad', 'error': 'worse', 'unexpected pass': 'bad', 'flaky': 'warn', 'expected failure': 'idle', 'skipped': 'idle',
  'same': 'good', 'within': 'good', 'different': 'bad', 'missing': 'worse', 'not judged': 'warn', 'unchecked': 'idle',
};
const traceStatus = trace => data.trace_statuses[trace.status];
const frameStatus = frame => data.frame_statuses[frame.status];
const colorOf = status => colors[status.text] || 'idle';
const plain = new Set(['same', 'unchecked']);  // frames that nobody has to look at

function badge(parent, status) {
  const element = add(parent, 'span', status.text, 'badge');
  element.dataset.color = colorOf(status);
  element.title = status.summary;
}

function facts(parent, pairs) {
  const list = add(parent, 'dl', undefined, 'facts');
  for (const [name, value] of pairs) {
    if (value === undefined || value === '') continue;
    const item = add(list, 'div');
    add(item, 'dt', name);
    add(item, 'dd', String(value));
  }
  return list;
}

// One of a few: arrow keys go through them, as in any group of radio buttons.
function radios(parent, label, choices, chosen, onChoice) {
  const group = add(parent, 'div');
  group.setAttribute('role', 'radiogroup');
  group.setAttribute('aria-label', label);
  const buttons = choices.map(([value, text, enabled = true]) => {
    const button = add(group, 'button', text);
    button.setAttribute('role', 'radio');
    button.disabled = !enabled;
    button.dataset.value = value;
    button.onclick = () => { choose(value); onChoice(value); };
    return button;
  });
  const choose = value => buttons.forEach(button => {
    const is = button.dataset.value === String(value);
    button.setAttribute('aria-checked', String(is));
    button.tabIndex = is ? 0 : -1;
  });
  group.onkeydown = event => {
    const by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (!by) return;
    event.preventDefault();
    const enabled = buttons.filter(button => !button.disabled), at = enabled.indexOf(document.activeElement);
    const next = enabled[(at + by + enabled.length) % enabled.length];
    next.focus();
    next.click();
  };
  choose(chosen);
  return {group, choose};
}

function describeFrame(frame) {
  if (frame.message) return frame.message;
  const measured = frame.pixels ? `, ${frame.differing || 0} of ${frame.pixels} pixels differ` : '';
  return `frame ${frame.number}: ${frameStatus(frame).text}${measured}`;
}

// The strip: a bar a frame, in its status's colour, as high as the share of pixels that differ (its square root, so
// that a few are seen). Of many frames on one pixel, the worst shows.
class Timeline {
  constructor(parent, trace, onChoice) {
    this.frames = trace.frames;
    this.selected = -1;
    this.onChoice = onChoice;
    this.worst = trace.worst;
    const strip = add(parent, 'div', undefined, 'strip');
    this.canvas = add(strip, 'canvas');
    this.canvas.id = 'timeline';
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute('role', 'slider');
    this.canvas.setAttribute('aria-label', 'Frame');
    this.canvas.setAttribute('aria-valuemin', this.frames[0].number);
    this.canvas.setAttribute('aria-valuemax', this.frames[this.frames.length - 1].number);
    const axis = add(parent, 'div', undefined, 'axis');
    add(axis, 'span', 'frame ' + this.frames[0].number);
    add(axis, 'span', 'frame ' + this.frames[this.frames.length - 1].number);
    this.canvas.onclick = event => onChoice(this.at(event));
    this.canvas.onmousemove = event => showTip(event, describeFrame(this.frames[this.at(event)]));
    this.canvas.onmouseleave = hideTip;
    this.canvas.onkeydown = event => this.onKey(event);
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(strip);
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const index = Math.floor((event.clientX - box.left) / box.width * this.frames.length);
    return Math.min(Math.max(index, 0), this.frames.length - 1);
  }

  onKey(event) {
    const last = this.frames.length - 1, page = Math.max(Math.round(last / 10), 1);
    const to = {ArrowLeft: this.selected - 1, ArrowRight: this.selected + 1, PageUp: this.selected - page, PageDown: this.selected + page,
                Home: 0, End: last}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.onChoice(Math.min(Math.max(to, 0), last));
  }

  select(index) {
    this.selected = index;
    this.canvas.setAttribute('aria-valuenow', index < 0 ? '' : this.frames[index].number);
    this.canvas.setAttribute('aria-valuetext', index < 0 ? 'none' : describeFrame(this.frames[index]));
    this.draw();
  }

  // Of those that share a pixel, the worst.
  seen(width) {
    const taken = new Set();
    return width >= this.frames.length ? this.worst : this.worst.filter(i => {
      const pixel = Math.floor(i * width / this.frames.length);
      return !taken.has(pixel) && taken.add(pixel);
    });
  }

  draw() {
    const box = this.canvas.getBoundingClientRect(), scale = devicePixelRatio || 1;
    const width = this.canvas.width = Math.round(box.width * scale), height = this.canvas.height = Math.round(box.height * scale);
    const pen = this.canvas.getContext('2d'), style = getComputedStyle(document.documentElement);
    const color = name => style.getPropertyValue('--' + name);
    pen.fillStyle = color('hover');
    pen.fillRect(0, 0, width, height);
    const each = width / this.frames.length, floor = height - 6 * scale;
    for (const i of this.seen(width)) {
      const frame = this.frames[i], status = frameStatus(frame);
      const share = status.text === 'missing' ? 1 : frame.pixels ? Math.sqrt((frame.differing || 0) / frame.pixels) : 0;
      const high = Math.max(share * floor, plain.has(status.text) ? 3 * scale : 8 * scale);
      pen.fillStyle = color(colorOf(status));
      pen.fillRect(i * each, floor - high, Math.max(each - (each > 4 ? 1 : 0), 1), high);
    }
    if (this.selected < 0) return;
    const x = (this.selected + 0.5) * each, half = Math.max(each / 2, 2 * scale);
    pen.strokeStyle = pen.fillStyle = color('accent');
    pen.lineWidth = 2 * scale;
    pen.strokeRect(x - half, scale, 2 * half, height - 2 * scale);
  }

  end() { this.observer.disconnect(); }
}

function showTip(event, text) {
  const tip = byId('tip');
  tip.hidden = false;
  tip.textContent = text;
  tip.style.left = Math.max(Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8), 0) + 'px';
  tip.style.top = Math.max(Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8), 0) + 'px';
}
function hideTip() { byId('tip').hidden = true; }
