// The pictures of one frame: side by side, one over the other behind a slider, or in turns.
const look = {mode: 'side', zoom: 'fit', split: 50, mark: true};  // kept from frame to frame
const pictureKinds = [['expected', 'Expected'], ['replayed', 'Replayed'], ['difference', 'Difference']];

// Nothing where the page does not hold it, or has not come so far yet.
function pictureSource(index) {
  const element = index === undefined ? null : byId('picture-' + index);
  return element && 'data:image/png;base64,' + element.textContent;
}

async function pixelsOf(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  pen.drawImage(image, 0, 0);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

// The smallest box around the pixels that are not equal, or nothing.
function differingBox(one, other) {
  if (one.width !== other.width || one.height !== other.height) return null;
  const a = new Uint32Array(one.data.buffer), b = new Uint32Array(other.data.buffer), width = one.width;
  let left = width, right = -1, top = -1, bottom = -1;
  for (let i = 0; i < a.length; ++i) {
    if (a[i] === b[i]) continue;
    const x = i % width;
    if (top < 0) top = (i - x) / width;
    bottom = (i - x) / width;
    if (x < left) left = x;
    if (x > right) right = x;
  }
  return right < 0 ? null : {left, right, top, bottom};
}

class Viewer {
  constructor(parent) {
    this.card = add(parent, 'section', undefined, 'card');
    this.card.id = 'viewer';
    this.card.setAttribute('aria-label', 'Frame');
  }

  show(trace, frame) {
    this.end();
    this.frame = frame;
    this.pixels = this.box = null;
    this.card.replaceChildren();
    this.describe(trace);
    this.sources = Object.fromEntries(pictureKinds.map(([kind]) => [kind, pictureSource(frame[kind])]));
    if (pictureKinds.every(([kind]) => frame[kind] === undefined)) {
      add(this.card, 'p', 'No pictures of this frame were kept.', 'soft');
      return;
    }
    this.both = Boolean(this.sources.expected && this.sources.replayed);
    this.tools = add(this.card, 'div', undefined, 'tools');
    const mode = this.both ? look.mode : 'side';
    radios(this.tools, 'View', [['side', 'Side by side'], ['slider', 'Slider', this.both], ['flicker', 'Flicker', this.both]], mode,
           value => { look.mode = value; this.draw(); });
    this.zooms = radios(this.tools, 'Zoom', [['fit', 'Fit'], ...[1, 2, 4, 8, 16].map(times => [times, times + '×'])], look.zoom,
                        value => this.zoomTo(value));
    this.where = add(this.tools, 'div');
    this.area = add(this.card, 'div');
    add(this.card, 'p').id = 'pixel';
    this.draw();
    if (this.both) this.measure(frame);
  }

  describe(trace) {
    const frame = this.frame, head = add(this.card, 'div', undefined, 'head');
    add(head, 'h2', 'frame ' + frame.number);
    badge(head, frameStatus(frame));
    const size = frame.width ? `, ${frame.width} × ${frame.height}` : '';
    add(head, 'span', `scanout ${frame.scanout || 0}${size}, held to the ${frame.golden ? 'golden set' : 'recording'}`, 'soft');
    if (frame.message) add(this.card, 'p', frame.message, 'message');
    const tier = data.tiers[frame.tier || 0];
    facts(this.card, [
      ['decided by', tier.text === 'none' ? '' : `${tier.text}: ${tier.summary}`],
      ['pixels beyond the tolerance', frame.pixels ? `${(frame.differing || 0).toLocaleString('en')} of ` +
          `${frame.pixels.toLocaleString('en')} (${percent((frame.differing || 0) / frame.pixels)})` : ''],
      ['largest difference', frame.largest === undefined ? '' : `${frame.largest} of 255`],
      ['RMSE', frame.rmse === undefined ? '' : frame.rmse.toFixed(3)],
      ['PSNR', frame.psnr === undefined ? '' : frame.psnr.toFixed(1) + ' dB'],
      ['SSIM', frame.ssim === undefined ? '' : frame.ssim.toFixed(4)]]);
  }

  async measure(frame) {
    let pixels;
    try {
      pixels = await Promise.all([pixelsOf(this.sources.expected), pixelsOf(this.sources.replayed)]);
    } catch {
      return;  // a picture that is damaged: its place says so
    }
    if (frame !== this.frame) return;  // another one is shown by now
    this.pixels = pixels;
    this.box = differingBox(...pixels);
    this.where.replaceChildren();
    if (!this.box) return;
    const {left, right, top, bottom} = this.box;
    const range = (from, to) => from === to ? from : `${from} to ${to}`;
    const button = add(this.where, 'button', `Go to the difference: x ${range(left, right)}, y ${range(top, bottom)}`);
    button.id = 'go';
    button.onclick = () => this.goToDifference();
    const label = add(this.where, 'label'), toggle = add(label, 'input');
    toggle.type = 'checkbox';
    toggle.checked = look.mark;
    toggle.onchange = () => { look.mark = toggle.checked; this.mark(); };
    label.append(' mark it');
    this.mark();
  }

  end() {
    clearInterval(this.timer);
    this.frame = null;
  }

  draw() {
    clearInterval(this.timer);
    this.area.replaceChildren();
    this.panes = [];
    const mode = this.both ? look.mode : 'side';
    if (mode === 'side') this.drawSide();
    if (mode === 'slider') this.drawSlider();
    if (mode === 'flicker') this.drawFlicker();
    this.applyZoom();
    this.mark();
  }

  pane(parent) {
    const pane = add(parent, 'div', undefined, 'pane'), stage = add(pane, 'div', undefined, 'stage');
    this.panes.push(pane);
    pane.tabIndex = 0;
    pane.onscroll = () => this.panes.forEach(other => {
      if (other === pane) return;
      other.scrollLeft = pane.scrollLeft;
      other.scrollTop = pane.scrollTop;
    });
    stage.onmousemove = event => this.tellPixel(event, stage);
    stage.ondblclick = event => {
      const [x, y] = this.placeOf(event, stage);
      if (look.zoom === 'fit') this.goTo(x, y, 8); else this.zoomTo('fit');
    };
    return stage;
  }

  image(stage, kind, className) {
    const image = add(stage, 'img', undefined, className);
    image.alt = `${kind} picture of frame ${this.frame.number}`;
    image.draggable = false;
    image.onload = () => this.applyZoom();
    image.onerror = () => image.replaceWith('This picture is damaged.');
    image.src = this.sources[kind];
    return image;
  }

  drawSide() {
    const row = add(this.area, 'div', undefined, 'pictures');
    for (const [kind, title] of pictureKinds) {
      const index = this.frame[kind];
      if (index === undefined) continue;
      const figure = add(row, 'figure'), caption = add(figure, 'figcaption'), [file, problem] = data.pictures[index];
      add(caption, 'b', title);
      caption.append(' ' + file);
      if (this.sources[kind]) {
        this.image(this.pane(figure), kind);
      } else {
        add(figure, 'p', problem ? `Not shown: ${problem}.` : 'The page is still loading.', 'soft');
      }
    }
  }

  // The replayed picture lies over the expected one, both as large as they are.
  overlay() {
    const stage = this.pane(this.area);
    this.base = this.image(stage, 'expected');
    this.over = this.image(stage, 'replayed', 'over');
    return stage;
  }

  drawSlider() {
    const stage = this.overlay();
    stage.classList.add('split');
    add(stage, 'span', 'expected', 'edge left');
    add(stage, 'span', 'replayed', 'edge right');
    this.handle = add(stage, 'div', undefined, 'handle');
    this.handle.id = 'split';
    this.handle.tabIndex = 0;
    for (const [name, value] of [['role', 'slider'], ['aria-valuemin', 0], ['aria-valuemax', 100], ['aria-orientation', 'horizontal'],
                                 ['aria-label', 'Share of the width that shows the expected picture']]) {
      this.handle.setAttribute(name, value);
    }
    this.handle.onkeydown = event => this.onSplitKey(event);
    stage.onpointerdown = event => {
      if (event.button !== 0) return;
      const move = at => this.setSplit(100 * (at.clientX - stage.getBoundingClientRect().left) / stage.clientWidth);
      const stop = new AbortController();
      for (const end of ['pointerup', 'pointercancel']) addEventListener(end, () => stop.abort(), {signal: stop.signal});
      addEventListener('pointermove', move, {signal: stop.signal});
      move(event);
      this.handle.focus({preventScroll: true});
      event.preventDefault();
    };
    this.setSplit(look.split);
  }

  onSplitKey(event) {
    const by = event.shiftKey ? 10 : 1;
    const to = {ArrowLeft: look.split - by, ArrowDown: look.split - by, ArrowRight: look.split + by, ArrowUp: look.split + by,
                PageDown: look.split - 10, PageUp: look.split + 10, Home: 0, End: 100}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.setSplit(to);
  }

  setSplit(share) {
    look.split = Math.min(Math.max(Math.round(share * 10) / 10, 0), 100);
    this.handle.style.left = look.split + '%';
    this.handle.setAttribute('aria-valuenow', look.split);
    this.handle.setAttribute('aria-valuetext', `${look.split} % expected`);
    const wide = this.over.naturalWidth && this.base.naturalWidth ? this.base.naturalWidth / this.over.naturalWidth : 1;
    this.over.style.clipPath = `inset(0 0 0 ${look.split * wide}%)`;
  }

  drawFlicker() {
    const stage = this.overlay(), which = add(stage, 'span', '', 'edge left'), tools = add(this.area, 'div', undefined, 'tools');
    which.id = 'which';
    const turn = () => {
      const hide = this.over.style.visibility !== 'hidden';
      this.over.style.visibility = hide ? 'hidden' : 'visible';
      which.textContent = hide ? 'expected' : 'replayed';
    };
    const other = add(tools, 'button', 'Show the other');
    const pause = add(tools, 'button');
    const run = on => {
      clearInterval(this.timer);
      if (on) this.timer = setInterval(turn, 500);
      pause.textContent = on ? 'Pause' : 'Play';
      pause.onclick = () => run(!on);
    };
    other.onclick = () => { run(false); turn(); };
    turn();
    run(!matchMedia('(prefers-reduced-motion: reduce)').matches);
  }

  applyZoom() {
    const fit = look.zoom === 'fit';
    this.area.className = fit ? 'fit' : 'zoomed';
    for (const pane of this.panes) {
      for (const image of pane.querySelectorAll('img:not(.over)')) {
        if (!image.naturalWidth) continue;
        // A small picture is as large as whole pixels of it fit.
        const times = fit ? Math.min(Math.floor(pane.clientWidth / image.naturalWidth), Math.floor(256 / image.naturalWidth)) : look.zoom;
        image.classList.toggle('small', fit && times > 1);
        image.style.width = times > 1 || !fit ? image.naturalWidth * times + 'px' : '';
      }
    }
    const base = this.base, over = this.over;
    if (!over || !over.naturalWidth || !base.naturalWidth) return;
    over.style.width = 100 * over.naturalWidth / base.naturalWidth + '%';
    over.style.height = 100 * over.naturalHeight / base.naturalHeight + '%';
    over.style.maxWidth = over.style.maxHeight = 'none';
    if (this.handle && this.handle.isConnected) this.setSplit(look.split);
  }

  zoomTo(zoom) {
    look.zoom = zoom;
    this.zooms.choose(zoom);
    this.applyZoom();
  }

  // With this pixel in the middle of each pane, as far as they scroll.
  goTo(x, y, zoom) {
    this.zoomTo(zoom);
    for (const pane of this.panes) {
      pane.scrollLeft = (x + 0.5) * zoom - pane.clientWidth / 2;
      pane.scrollTop = (y + 0.5) * zoom - pane.clientHeight / 2;
    }
  }

  goToDifference() {
    const {left, right, top, bottom} = this.box, pane = this.panes[0];
    const fits = times => (right - left + 9) * times <= pane.clientWidth && (bottom - top + 9) * times <= innerHeight * 0.7;
    this.goTo((left + right) / 2, (top + bottom) / 2, [16, 8, 4, 2].find(fits) || 1);
  }

  mark() {
    for (const old of this.card.querySelectorAll('.mark')) old.remove();
    if (!this.box || !look.mark) return;
    const {left, right, top, bottom} = this.box, {width, height} = this.pixels[0];
    for (const pane of this.panes) {
      const style = add(pane.firstChild, 'div', undefined, 'mark').style;
      style.left = `calc(${100 * left / width}% - 3px)`;
      style.top = `calc(${100 * top / height}% - 3px)`;
      style.width = `calc(${100 * (right - left + 1) / width}% + 6px)`;
      style.height = `calc(${100 * (bottom - top + 1) / height}% + 6px)`;
    }
  }

  placeOf(event, stage) {
    const box = stage.getBoundingClientRect(), image = stage.querySelector('img');
    return [Math.floor((event.clientX - box.left) / box.width * image.naturalWidth),
            Math.floor((event.clientY - box.top) / box.height * image.naturalHeight)];
  }

  tellPixel(event, stage) {
    const line = byId('pixel');
    line.replaceChildren();
    if (!this.pixels || !stage.querySelector('img')) return;
    const [x, y] = this.placeOf(event, stage);
    add(line, 'span', `x ${x}, y ${y} `);
    const values = this.pixels.map(({width, height, data: bytes}) =>
        x < width && y < height ? [...bytes.slice(4 * (y * width + x), 4 * (y * width + x) + 4)] : null);
    for (const [i, name] of ['expected', 'replayed'].entries()) {
      if (!values[i]) continue;
      add(line, 'i', undefined, 'swatch').style.background = `rgb(${values[i].slice(0, 3).join(' ')})`;
      add(line, 'span', `${name} ${values[i].join(', ')} `);
    }
    if (values[0] && values[1]) add(line, 'span', `difference ${values[0].map((one, i) => Math.abs(one - values[1][i])).join(', ')}`);
  }
}
