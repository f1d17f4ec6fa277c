// The list of traces and, under those that are unfolded, their frames. Only rows that are in view are in the page.
const rowHeight = 46;

function haystack(...parts) { return parts.filter(Boolean).join('\n').toLowerCase(); }

class List {
  constructor(onChoice) {
    this.box = byId('list');
    this.rows = byId('rows');
    this.onChoice = onChoice;
    this.unfolded = new Set();
    this.words = [];
    this.traceOn = new Set(data.trace_statuses.keys());
    this.frameOn = new Set([...data.frame_statuses.keys()].filter(i => !plain.has(data.frame_statuses[i].text)));
    this.chosen = null;  // an item
    this.items = [];
    this.box.onscroll = () => this.draw();
    this.box.onkeydown = event => this.onKey(event);
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  // Makes the items anew: {trace, frame} with indices into data.traces and its frames; no frame in a trace's own.
  refresh() {
    this.items = [];
    this.counts = {traces: 0, frames: 0};
    data.traces.forEach((trace, index) => this.addTrace(trace, index));
    this.rows.style.height = this.items.length * rowHeight + 'px';
    const {trace, frame} = this.chosen || {};
    this.at = this.items.findIndex(item => item.trace === trace && item.frame === frame);
    if (this.at < 0) this.at = this.items.findIndex(item => item.trace === trace);  // its frame is not listed
    const {traces, frames} = this.counts;
    byId('shown').textContent = `${traces.toLocaleString('en')} of ${count(data.traces.length, 'trace')}, ${count(frames, 'frame')} shown`;
    this.draw();
  }

  has(text) { return this.words.every(word => text.includes(word)); }

  addTrace(trace, index) {
    if (!this.traceOn.has(trace.status)) return;
    trace.haystack = trace.haystack || haystack(trace.name, trace.file, traceStatus(trace).text, trace.message);
    const itself = this.has(trace.haystack), frames = [];
    for (const i of trace.worst) {
      const frame = trace.frames[i];
      if (!this.frameOn.has(frame.status)) continue;
      frame.haystack = frame.haystack || haystack(trace.name, 'frame ' + frame.number, frameStatus(frame).text, frame.message);
      if (itself || this.has(frame.haystack)) frames.push({trace: index, frame: i});
    }
    if (!itself && frames.length === 0) return;
    ++this.counts.traces;
    this.counts.frames += frames.length;
    const open = this.unfolded.has(index) || !itself;
    this.items.push({trace: index, foldable: frames.length > 0, open});
    if (open) this.items.push(...frames);
  }

  draw() {
    const first = Math.max(Math.floor(this.box.scrollTop / rowHeight) - 2, 0);
    const last = Math.min(Math.ceil((this.box.scrollTop + this.box.clientHeight) / rowHeight) + 2, this.items.length);
    this.rows.replaceChildren();
    for (let i = first; i < last; ++i) this.drawRow(i);
    const there = this.at >= first && this.at < last;
    if (there) this.box.setAttribute('aria-activedescendant', 'row-' + this.at);
    else this.box.removeAttribute('aria-activedescendant');
  }

  drawRow(i) {
    const item = this.items[i], trace = data.traces[item.trace], isFrame = item.frame !== undefined;
    const row = add(this.rows, 'div', undefined, isFrame ? 'row frame' : 'row trace');
    row.id = 'row-' + i;
    row.style.top = i * rowHeight + 'px';
    row.dataset.color = colorOf(isFrame ? frameStatus(trace.frames[item.frame]) : traceStatus(trace));
    for (const [name, value] of [['role', 'option'], ['aria-selected', i === this.at], ['aria-posinset', i + 1],
                                 ['aria-setsize', this.items.length]]) row.setAttribute(name, value);
    row.onclick = () => this.choose(i);
    if (isFrame) this.fillFrame(row, trace.frames[item.frame]); else this.fillTrace(row, item, trace);
  }

  fillTrace(row, item, trace) {
    add(row, 'span', undefined, 'dot');
    const text = add(row, 'div', undefined, 'text'), bad = trace.frames.filter(frame => !plain.has(frameStatus(frame).text)).length;
    add(text, 'div', trace.name).title = trace.name;
    add(text, 'div', [traceStatus(trace).text, trace.frames.length && (bad ? `${bad} of ${count(trace.frames.length, 'frame')}` :
        count(trace.frames.length, 'frame')), seconds(trace.seconds)].filter(Boolean).join(' · '));
    if (!item.foldable) return;
    const fold = add(row, 'button', item.open ? '▾' : '▸', 'fold');
    fold.tabIndex = -1;
    fold.setAttribute('aria-label', item.open ? 'Fold' : 'Unfold');
    fold.onclick = event => { event.stopPropagation(); this.fold(item.trace, !item.open); };
  }

  fillFrame(row, frame) {
    const source = pictureSource(frame.replayed) || pictureSource(frame.expected);
    if (source) {
      const image = add(row, 'img');
      image.alt = '';
      image.decoding = 'async';
      image.src = source;
    } else {
      add(row, 'span', undefined, 'no-picture');
    }
    const text = add(row, 'div', undefined, 'text');
    add(text, 'div', `frame ${frame.number}: ${frameStatus(frame).text}`);
    add(text, 'div', frame.pixels ? `${percent((frame.differing || 0) / frame.pixels)} of the pixels, largest ${frame.largest || 0}` :
        frame.message || '');
    add(row, 'span', undefined, 'dot');
  }

  fold(trace, open) {
    if (open) this.unfolded.add(trace); else this.unfolded.delete(trace);
    this.refresh();
  }

  choose(i) {
    const {trace, frame} = this.items[i];
    if (frame === undefined && !this.unfolded.has(trace)) this.unfolded.add(trace);
    this.onChoice(trace, frame);
  }

  // Chosen here or elsewhere.
  mark(trace, frame) {
    this.chosen = {trace, frame};
    if (frame !== undefined) this.unfolded.add(trace);
    this.refresh();
    if (this.at < 0) return;
    const top = this.at * rowHeight, view = this.box.clientHeight;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    if (top + rowHeight > this.box.scrollTop + view) this.box.scrollTop = top + rowHeight - view;
  }

  onKey(event) {
    const page = Math.max(Math.floor(this.box.clientHeight / rowHeight) - 1, 1), last = this.items.length - 1;
    const item = this.items[this.at];
    if (item && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')) {
      event.preventDefault();
      if (event.key === 'ArrowLeft' && item.frame !== undefined) this.onChoice(item.trace, undefined);
      this.fold(item.trace, event.key === 'ArrowRight');
      return;
    }
    const to = {ArrowDown: this.at + 1, ArrowUp: this.at - 1, PageDown: this.at + page, PageUp: this.at - page, Home: 0, End: last}[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.choose(Math.min(Math.max(to, 0), last));
  }
}
