'use strict';
// Draws what lies in #data. Text of the trace reaches the page through textContent only.
const data = JSON.parse(document.getElementById('data').textContent);
const dark = matchMedia('(prefers-color-scheme: dark)');
const byId = id => document.getElementById(id);
const left = 76, right = 12, top_ = 10, bottom = 26;  // of each canvas, pixels

function add(parent, tag, text, className) {
  const element = parent.appendChild(document.createElement(tag));
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function bytes(count) {
  if (count >= 1 << 30) return (count / (1 << 30)).toFixed(2) + ' GiB';
  if (count >= 1 << 20) return (count / (1 << 20)).toFixed(2) + ' MiB';
  if (count >= 1 << 10) return (count / (1 << 10)).toFixed(count % 1024 ? 1 : 0) + ' KiB';
  return count + ' B';
}
const percent = share => (100 * share).toFixed(1) + ' %';
const color = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name);
const kindColor = kind => data.kinds[kind][dark.matches ? 'dark' : 'light'];

const view = {map: data.maps[0], axis: 'event', from: 0, to: 1, hover: -1};
const lines = [['live', 'live bytes'], ['extent', 'extent: from the lowest live byte to the highest'],
               ['hole', 'largest hole inside the extent']];

// Positions on the horizontal axis: of an event, and of the end behind the last one.
function position(event) {
  const map = view.map;
  if (view.axis === 'event') return event;
  return event < map.seconds.length ? map.seconds[event] : map.duration;
}
const fullEnd = () => view.axis === 'event' ? view.map.seconds.length : view.map.duration || 1;
function resetZoom() { view.from = 0; view.to = fullEnd(); }

// A canvas made as sharp as the screen, cleared.
function prepare(canvas) {
  const box = canvas.getBoundingClientRect(), scale = devicePixelRatio || 1;
  canvas.width = Math.round(box.width * scale);
  canvas.height = Math.round(box.height * scale);
  const pen = canvas.getContext('2d');
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.font = '12px system-ui, "DejaVu Sans", sans-serif';
  return {pen, width: box.width, height: box.height};
}
const across = (width, at) => left + (at - view.from) / (view.to - view.from || 1) * (width - left - right);

// Round steps: 1, 2 or 5 times a power of ten, or of two for bytes.
function step(range, count, base) {
  const raw = range / count || 1, power = Math.pow(base, Math.floor(Math.log(raw) / Math.log(base)));
  return (base === 2 ? [1, 2] : [1, 2, 5, 10]).map(factor => factor * power).find(one => one >= raw);
}

function axes(area, high) {
  const {pen, width, height} = area, floor = height - bottom;
  pen.strokeStyle = color('grid');
  pen.fillStyle = color('soft');
  pen.textAlign = 'right';
  pen.textBaseline = 'middle';
  for (let at = 0, by = step(high, 6, 2); at <= high; at += by) {
    const y = floor - at / (high || 1) * (floor - top_);
    pen.beginPath(); pen.moveTo(left, y); pen.lineTo(width - right, y); pen.stroke();
    pen.fillText(bytes(at).replace(/\.0+ /, ' '), left - 8, y);
  }
  pen.textAlign = 'center';
  const by = Math.max(step(view.to - view.from, 8, 10), view.axis === 'event' ? 1 : 0);
  for (let at = Math.ceil(view.from / by) * by; at <= view.to; at += by) {
    const label = view.axis === 'event' ? frameLabel(at) : +at.toPrecision(6) + ' s';
    pen.fillText(label, Math.min(across(width, at), width - right - 24), height - bottom / 2);
  }
}
function frameLabel(event) {
  const frames = view.map.frames;
  return frames.length ? 'frame ' + frames[Math.min(event, frames.length - 1)] : '';
}

function rectangle(area, i) {
  const map = view.map, floor = area.height - bottom, scale = (floor - top_) / (map.size || 1);
  const x = Math.max(across(area.width, position(map.from[i])), left);
  const end = Math.min(across(area.width, position(map.to[i])), area.width - right);
  const y = floor - (map.offset[i] + map.bytes[i]) * scale;
  return {x, y, width: end - x, height: map.bytes[i] * scale};
}

function drawMap() {
  const area = prepare(byId('map')), map = view.map, pen = area.pen;
  axes(area, map.size);
  pen.strokeStyle = color('card');
  pen.lineWidth = 0.5;
  for (let kind = 0; kind < data.kinds.length; ++kind) {
    pen.fillStyle = kindColor(kind);
    for (let i = 0; i < map.holding.length; ++i) {
      if (data.holdings.kind[map.holding[i]] !== kind) continue;
      const one = rectangle(area, i);
      if (one.width < 0) continue;
      pen.fillRect(one.x, one.y, Math.max(one.width, 0.6), Math.max(one.height, 0.6));
      if (one.width > 4 && one.height > 3) pen.strokeRect(one.x, one.y, one.width, one.height);
    }
  }
}

function drawMark() {
  const area = prepare(byId('mark'));
  if (view.drag) {
    area.pen.fillStyle = color('accent');
    area.pen.globalAlpha = 0.2;
    area.pen.fillRect(view.drag[0], top_, view.drag[1] - view.drag[0], area.height - top_ - bottom);
  } else if (view.hover >= 0) {
    const one = rectangle(area, view.hover);
    area.pen.strokeStyle = color('text');
    area.pen.lineWidth = 2;
    area.pen.strokeRect(one.x, one.y, Math.max(one.width, 2), Math.max(one.height, 2));
  }
}

// Of many events on one pixel, the highest value shows.
function drawPlot() {
  const area = prepare(byId('plot')), map = view.map, pen = area.pen, floor = area.height - bottom;
  let high = 1;
  for (const [name] of lines) for (const value of map[name]) if (value > high) high = value;
  axes(area, high);
  for (const [name] of [...lines].reverse()) {
    pen.strokeStyle = color(name);
    pen.lineWidth = name === 'live' ? 2 : 1.5;
    pen.beginPath();
    let pixel = -1, highest = 0;
    for (let i = 0; i < map[name].length; ++i) {
      const begin = across(area.width, position(i)), end = across(area.width, position(i + 1));
      if (end < left || begin > area.width - right) continue;
      if (Math.floor(end) === pixel) {
        highest = Math.max(highest, map[name][i]);
        if (highest !== map[name][i]) continue;
      } else {
        highest = map[name][i];
      }
      pixel = Math.floor(end);
      const y = floor - map[name][i] / high * (floor - top_);
      pen.lineTo(Math.max(begin, left), y);
      pen.lineTo(Math.min(end, area.width - right), y);
    }
    pen.stroke();
  }
}

function draw() {
  byId('map-note').textContent = view.map.note;
  const shown = new Set(view.map.holding.map(one => data.holdings.kind[one]));
  byId('legend').replaceChildren();
  data.kinds.forEach((kind, i) => {
    if (!shown.has(i)) return;
    const item = add(byId('legend'), 'li');
    add(item, 'i').style.background = kindColor(i);
    item.append(kind.text);
  });
  byId('lines').replaceChildren();
  for (const [name, text] of lines) {
    const item = add(byId('lines'), 'li');
    add(item, 'i').style.background = color(name);
    item.append(text);
  }
  drawMap();
  drawMark();
  drawPlot();
}

// Later ones lie on top.
function find(x, y) {
  const box = byId('map').getBoundingClientRect(), area = {width: box.width, height: box.height};
  for (let i = view.map.holding.length - 1; i >= 0; --i) {
    const one = rectangle(area, i);
    if (one.width >= 0 && x >= one.x && x <= one.x + Math.max(one.width, 2) && y >= one.y - 0.5 &&
        y <= one.y + Math.max(one.height, 2)) return i;
  }
  return -1;
}

function describe(i) {
  const of = data.holdings, one = view.map.holding[i];
  const trace = data.files.length > 1 ? data.files[of.trace[one]] + '\n' : '';
  const end = of.ended[one] ? 'to ' + of.last[one] : 'to the end';
  return `${trace}resource ${of.resource[one]}, context ${of.context[one]}\n` +
      `${data.kinds[of.kind[one]].text}${of.mapped[one] ? ', mapped' : ''}, ${bytes(of.bytes[one])} at ` +
      `0x${(view.map.offset[i] + view.map.base).toString(16)}\nframes ${of.first[one]} ${end}`;
}

function onMove(event) {
  const box = byId('map').getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
  if (view.drag) {
    view.drag[1] = Math.min(Math.max(x, left), box.width - right);
  } else {
    view.hover = find(x, y);
  }
  const tip = byId('tip');
  tip.hidden = view.hover < 0 || Boolean(view.drag);
  if (!tip.hidden) {
    tip.textContent = describe(view.hover);
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + 'px';
    tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8) + 'px';
  }
  drawMark();
}

function onDragEnd() {
  if (!view.drag) return;
  const width = byId('map').getBoundingClientRect().width - left - right;
  const [begin, end] = [...view.drag].sort((a, b) => a - b);
  view.drag = null;
  if (end - begin > 4) {
    const scale = (view.to - view.from) / width, from = view.from;
    view.from = from + (begin - left) * scale;
    view.to = from + (end - left) * scale;
  }
  draw();
}

function choose(parent, attribute, choices, isChosen, onChoice) {
  parent.replaceChildren();
  for (const [value, text] of choices) {
    const button = add(parent, 'button', text);
    button.setAttribute('role', attribute === 'aria-selected' ? 'tab' : 'radio');
    button.setAttribute(attribute, String(isChosen(value)));
    button.onclick = () => { onChoice(value); controls(); resetZoom(); view.hover = -1; draw(); };
  }
}
function controls() {
  choose(byId('maps'), 'aria-selected', data.maps.map(map => [map, map.title]), map => map === view.map,
         map => { view.map = map; });
  choose(byId('axes'), 'aria-checked', [['event', 'by event'], ['time', 'by time']],
         axis => axis === view.axis, axis => { view.axis = axis; });
}

function table(title, head, rows, className) {
  const card = add(byId('tables'), 'div', undefined, 'card ' + (className || ''));
  add(card, 'h2', title);
  const body = add(card, 'table'), line = add(body, 'tr');
  for (const name of head) add(line, 'th', name);
  for (const row of rows) {
    const element = add(body, 'tr', undefined, row.className);
    for (const cell of row.cells) {
      const td = add(element, 'td', cell.share === undefined ? cell : undefined,
                     cell.share === undefined ? '' : 'share-cell');
      if (cell.share !== undefined) add(td, 'span', undefined, 'share').style.width = 120 * cell.share + 'px';
    }
  }
  return card;
}

function poolTable(title, pools) {
  const asked = data.report.heap_size, best = pools.recommended && pools.recommended.allocator;
  const head = ['allocator', 'smallest pool', 'of the peak', 'internal fragmentation', 'external fragmentation'];
  if (asked) head.push(bytes(asked) + ' fails at');
  const rows = pools.allocators.map(one => {
    const pool = one.smallest_pool === 0 ? 'none' : (one.exact ? '' : '≤ ') + bytes(one.smallest_pool);
    const cells = [one.allocator, pool, one.ratio.toFixed(3), percent(one.at_peak.internal_fragmentation),
                   percent(one.at_peak.external_fragmentation)];
    if (asked) cells.push(one.fails ? 'frame ' + one.fails.frame : 'never');
    return {cells, className: one.allocator === best ? 'best' : ''};
  });
  const card = table(title, head, rows, 'wide pools');
  for (const one of pools.allocators.filter(other => !other.exact)) {
    add(card, 'p', `${one.allocator}: not exact: every pool below ${bytes(one.every_pool_below_fails)} fails; ` +
        `those from there to ${bytes(one.smallest_pool)} were not all tried`, 'hint');
  }
  if (pools.recommended) {
    add(card, 'p', `Recommended: ${best} in a pool of ${bytes(pools.recommended.bytes)}; the peak of live bytes is ` +
        `${bytes(pools.peak_bytes)}.`, 'hint');
  }
}

function traceTables(trace) {
  const name = data.files.length > 1 ? trace.file + ': ' : '';
  table(name + 'by kind', ['kind', 'allocations', 'bytes in all', 'at the peak', 'largest'],
        Object.entries(trace.kinds).filter(([, kind]) => kind.allocations).map(([text, kind]) => ({
          cells: [text, kind.allocations, bytes(kind.bytes), bytes(kind.bytes_at_peak), bytes(kind.largest)]})));
  const lives = trace.lifetimes.map(one => [one.first_frames === one.last_frames ? String(one.first_frames) :
      `${one.first_frames} to ${one.last_frames}`, one]);
  lives.push(['to the end', trace.to_the_end]);
  const most = Math.max(...lives.map(([, one]) => one.allocations), 1);
  table(name + 'lifetimes, in frames', ['frames', 'allocations', 'bytes', ''],
        lives.filter(([, one]) => one.allocations).map(([text, one]) => ({
          cells: [text, one.allocations, bytes(one.bytes), {share: one.allocations / most}]})));
  table(name + 'largest holders', ['resource', 'kind', 'context', 'bytes', 'from frame', 'to'],
        trace.largest.map(one => ({cells: [one.resource, one.kind, one.context, bytes(one.bytes), one.begin.frame,
                                           one.end ? one.end.frame : 'the end']})));
  if (trace.layouts.length === 0) return;
  table(name + 'as recorded', ['where', 'allocations', 'pieces', 'extent', 'holes at the peak'],
        trace.layouts.map(one => ({cells: [
          (one.heap === null ? '' : `heap ${one.heap} `) + one.name, one.allocations,
          one.places_known ? one.pieces : 'not recorded', one.peak_extent === undefined ? '' : bytes(one.peak_extent),
          one.at_peak === undefined ? '' : one.at_peak.holes]})));
}

function start() {
  const traces = data.report.traces;
  document.title = 'Heap of ' + data.files.join(', ');
  byId('summary').textContent = traces.map(one => `${one.file}: ${one.allocations} allocations in ${one.frames} frames, ` +
      `at most ${bytes(one.peak_bytes)} live`).join('; ');
  for (const trace of traces) for (const note of trace.notes) add(byId('notes'), 'li', note);
  poolTable(data.report.together ? 'One pool, each trace alone' : 'One pool', data.report.alone);
  if (data.report.together) poolTable('One pool, all traces at once', data.report.together);
  traces.forEach(traceTables);
  if (view.map) {
    controls();
    resetZoom();
    draw();
    const map = byId('map');
    map.onmousemove = onMove;
    map.onmouseleave = () => { view.hover = -1; view.drag = null; byId('tip').hidden = true; drawMark(); };
    map.onmousedown = event => {
      const x = Math.max(event.clientX - map.getBoundingClientRect().left, left);
      view.drag = [x, x];
    };
    map.onmouseup = onDragEnd;
    map.ondblclick = () => { resetZoom(); draw(); };
    addEventListener('resize', draw);
    dark.addEventListener('change', draw);
  } else {
    byId('map-section').hidden = true;
  }
  byId('state').textContent = `Drawn: maps ${data.maps.length}, rectangles ${view.map ? view.map.holding.length : 0}, ` +
      `peak ${data.report.alone.peak_bytes} bytes.`;
}
start();
