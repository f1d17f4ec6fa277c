// The page: head, filters, and what is known of the chosen trace.
for (const trace of data.traces) {
  trace.frames = trace.frames.map(([number, status, rest]) => Object.assign(rest, {number, status}));
}
const shown = {trace: -1, timeline: null, viewer: null};

function copyText(text, button) {
  const done = () => {
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  };
  const byHand = () => {  // a page that came over plain HTTP may not use the clipboard otherwise
    const area = add(document.body, 'textarea');
    area.value = text;
    area.select();
    if (document.execCommand('copy')) done();
    area.remove();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, byHand); else byHand();
}

function card(parent, title) {
  const section = add(parent, 'section', undefined, 'card');
  add(section, 'h3', title);
  return section;
}

function lines(parent, texts) {
  const list = add(parent, 'ul', undefined, 'lines');
  for (const text of texts) add(list, 'li', text);
}

// What differs of the environment comes first: it may explain all below.
function describeChanges(parent, trace) {
  if (!trace.environment_changes) return;
  const box = add(parent, 'div', undefined, 'callout');
  add(box, 'b', `The environment is another one than that of the golden set ${trace.golden || ''}` +
      (trace.profile ? `, profile ${trace.profile}` : ''));
  lines(box, trace.environment_changes);
}

function describeCommand(parent, trace) {
  if (!trace.reproduce) return;
  const section = card(parent, 'To reproduce'), line = add(section, 'div', undefined, 'command');
  add(line, 'pre', harmless(trace.reproduce));
  const button = add(line, 'button', 'Copy');
  button.id = 'copy';
  button.onclick = () => copyText(trace.reproduce, button);
}

function describeEnvironment(parent, trace) {
  const environment = data.environments[trace.environment];
  if (!environment) return;
  const details = add(parent, 'details');
  add(details, 'summary', 'Environment');
  facts(details, Object.entries(environment));
}

function describeTrace(parent, trace) {
  const head = add(parent, 'div', undefined, 'head');
  add(head, 'h2', trace.name);
  badge(head, traceStatus(trace));
  describeChanges(parent, trace);
  if (trace.message) add(parent, 'p', trace.message, 'message');
  facts(parent, [['file', trace.file], ['digest', trace.digest], ['commands', trace.commands.toLocaleString('en')],
                 ['time', seconds(trace.seconds)], ['attempts', trace.attempts], ['exit code', trace.exit_code],
                 ['golden set', trace.golden], ['profile', trace.profile], ['differences', trace.difference_count],
                 ['timing', trace.timing]]);
  describeEnvironment(parent, trace);
  if (trace.last_output) add(card(parent, 'Last output'), 'pre', trace.last_output);
  if (trace.differences) lines(card(parent, 'Differences that are not frames\''), trace.differences);
}

// Shows a trace, and of its frames this one, or the worst.
function show(index, frameIndex) {
  const trace = data.traces[index];
  if (shown.trace !== index) {
    if (shown.timeline) shown.timeline.end();
    if (shown.viewer) shown.viewer.end();
    shown.trace = index;
    shown.timeline = shown.viewer = null;
    const detail = byId('detail');
    detail.replaceChildren();
    detail.scrollTop = 0;
    describeTrace(detail, trace);
    if (trace.frames.length) {
      shown.timeline = new Timeline(card(detail, `${count(trace.frames.length, 'frame')} over time`), trace, i => show(index, i));
      shown.viewer = new Viewer(detail);
    }
    describeCommand(detail, trace);
    if (trace.notes) lines(card(detail, 'Notes'), trace.notes);
  }
  const frame = frameIndex === undefined ? trace.worst[0] : frameIndex;
  if (frame !== undefined) {
    shown.timeline.select(frame);
    shown.viewer.show(trace, trace.frames[frame]);
  }
  list.mark(index, frameIndex);
  history.replaceState(null, '', `#${index}` + (frameIndex === undefined ? '' : `,${frameIndex}`));
}

function chips(parent, statuses, used, on) {
  statuses.forEach((status, index) => {
    if (!used[index]) return;
    const chip = add(byId(parent), 'button', `${status.text} ${used[index].toLocaleString('en')}`);
    chip.dataset.color = colorOf(status);
    chip.title = status.summary;
    const draw = () => chip.setAttribute('aria-pressed', String(on.has(index)));
    chip.onclick = () => {
      if (on.has(index)) on.delete(index); else on.add(index);
      draw();
      list.refresh();
    };
    draw();
  });
}

function tally(things, statuses) {
  const used = new Array(statuses.length).fill(0);
  for (const thing of things) ++used[thing.status];
  return used;
}

function describeSuite(used, frames) {
  const suite = data.suite, bad = data.traces.filter(trace => !traceStatus(trace).good).length;
  document.title = `${suite.name || 'Replay'}: ${bad ? `${bad} of ${count(data.traces.length, 'trace')} failed` : 'passed'}`;
  byId('name').textContent = suite.name || 'Replay';
  byId('verdict').textContent = bad ? `${bad.toLocaleString('en')} of ${data.traces.length.toLocaleString('en')} failed` : data.traces.length ? 'good' : 'nothing replayed';
  byId('verdict').dataset.color = bad ? 'bad' : data.traces.length ? 'good' : 'idle';
  const total = frames.reduce((sum, one) => sum + one, 0);
  byId('summary').textContent = [count(data.traces.length, 'trace'), count(total, 'frame'), seconds(suite.seconds),
    suite.started.replace('T', ' ').replace('Z', ' UTC'), suite.shards > 1 ? `shard ${suite.shard} of ${suite.shards}` : '']
    .filter(Boolean).join(' · ');
  const names = data.environments.map(one => [one['GL renderer'], one.Mesa && 'Mesa ' + one.Mesa, one.renderer].filter(Boolean).join(', '));
  const few = names.slice(0, 3).join('; ') + (names.length > 3 ? `; and ${names.length - 3} more` : '');
  byId('environments').textContent = few && `Environment: ${few}`;
  const changed = data.traces.filter(trace => trace.environment_changes).length;
  if (changed) byId('environments').textContent += `. It differs from the golden set's in ${count(changed, 'trace')}.`;
  if (!data.left_out) return;
  byId('left-out').hidden = false;
  byId('left-out').textContent = `${count(data.left_out, 'picture')} of less bad frames ${data.left_out === 1 ? 'is' : 'are'} not in this page, ` +
      `which holds at most ${+(data.max_picture_bytes / (1 << 20)).toPrecision(3)} MiB of pictures; their files are named.`;
}

function onPageKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, textarea')) return;
  if (event.key === '/') {
    event.preventDefault();
    byId('filter').focus();
  }
  const by = {j: 'ArrowDown', k: 'ArrowUp'}[event.key];
  if (by) list.onKey({key: by, preventDefault() {}});
}

const list = new List(show);
function start() {
  const traces = tally(data.traces, data.trace_statuses), frames = new Array(data.frame_statuses.length).fill(0);
  for (const trace of data.traces) tally(trace.frames, data.frame_statuses).forEach((used, i) => { frames[i] += used; });
  describeSuite(traces, frames);
  chips('trace-chips', data.trace_statuses, traces, list.traceOn);
  chips('frame-chips', data.frame_statuses, frames, list.frameOn);
  byId('filter').oninput = () => {
    list.words = byId('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
    byId('list').scrollTop = 0;
    list.refresh();
  };
  addEventListener('keydown', onPageKey);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { if (shown.timeline) shown.timeline.draw(); });
  const [trace, frame] = location.hash.slice(1).split(',').map(Number), wanted = data.traces[trace];
  if (location.hash && wanted) show(trace, wanted.frames[frame] && frame);
  else if (data.traces.length) { list.unfolded.add(0); show(0); }
  else { list.refresh(); add(byId('detail'), 'p', 'There are no traces.', 'soft'); }
  // The pictures stand behind this script: they come when the page has come to its end.
  addEventListener('DOMContentLoaded', () => { if (shown.trace >= 0) show(shown.trace, list.chosen.frame); });
}
start();
