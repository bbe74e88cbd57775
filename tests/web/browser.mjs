// Drives a headless Chromium for tests/support/browser.py: one JSON command a line on standard input, one answer a line
// on standard output. What a page may not do (errors, requests to elsewhere, dialogs) is collected on the way.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PATIENCE = 30000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--disable-background-networking'],
});
let context, page, problems;

function watch() {
  problems = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
}

// The element that has the focus, and how that shows.
const FOCUSED = () => {
  const node = document.activeElement;
  const shown = node.matches('.choice input') ? node.nextElementSibling : node;
  const style = getComputedStyle(shown);
  const box = shown.getBoundingClientRect();
  return {
    name: node.tagName.toLowerCase(), id: node.id, text: node.textContent.trim().slice(0, 60),
    label: node.getAttribute('name') ?? node.getAttribute('href') ?? '', value: node.value ?? null,
    outline: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth),
    inView: box.bottom > 0 && box.top < innerHeight && box.width > 0,
  };
};

const commands = {
  async open({ url, scheme = 'light', width = 1280, height = 900, motion = 'no-preference' }) {
    await context?.close();
    context = await browser.newContext({
      viewport: { width, height }, colorScheme: scheme, reducedMotion: motion, acceptDownloads: true,
    });
    context.setDefaultTimeout(PATIENCE);
    await context.addInitScript(() => {
      window.shifts = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries())
          if (!entry.hadRecentInput) window.shifts.push({ at: entry.startTime, value: entry.value });
      }).observe({ type: 'layout-shift', buffered: true });
    });
    page = await context.newPage();
    watch();
    const origin = new URL(url).origin;
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== origin) problems.push(`request: ${request.url()}`);
    });
    await page.goto(url);
  },
  // Waits until the element's text matches the regular expression; the text.
  async wait({ selector, pattern }) {
    await page.waitForFunction(([where, what]) => new RegExp(what).test(document.querySelector(where)?.innerText ?? ''),
      [selector, pattern], { polling: 50 });
    return page.innerText(selector);
  },
  text: ({ selector }) => page.innerText(selector),
  texts: ({ selector }) => page.locator(selector).allInnerTexts(),
  count: ({ selector }) => page.locator(selector).count(),
  attribute: ({ selector, name }) => page.getAttribute(selector, name),
  click: ({ selector }) => page.click(selector),
  focus: ({ selector }) => page.focus(selector),
  select: ({ selector, value }) => page.selectOption(selector, value).then(() => undefined),
  press: ({ key }) => page.keyboard.press(key),
  type: ({ text }) => page.keyboard.type(text),
  focused: () => page.evaluate(FOCUSED),
  // Tab after Tab, until the page is left or a stop comes again.
  async stops() {
    const seen = [];
    await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
    for (let i = 0; i < 400; i++) {
      await page.keyboard.press('Tab');
      const again = await page.evaluate(() => {
        const node = document.activeElement;
        const was = node === document.body || node.seen === window.round;
        node.seen = window.round ??= {};
        return node === document.body || was === true && node.counted === true || (node.counted = true, false);
      });
      if (again) break;
      seen.push(await page.evaluate(FOCUSED));
    }
    return seen;
  },
  evaluate: ({ script }) => page.evaluate(script),
  problems: () => problems,
  url: () => page.url(),
  reload: () => page.reload().then(() => undefined),
  async axe() {
    const { violations } = await page.evaluate(`${AXE};axe.run({ resultTypes: ['violations'] })`);
    return violations.map((v) => ({ impact: v.impact, id: v.id, nodes: v.nodes.map((n) => `${n.html.slice(0, 200)} ${n.failureSummary}`) }));
  },
  async download({ selector }) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(selector)]);
    return { name: download.suggestedFilename(), content: readFileSync(await download.path(), 'utf8') };
  },
  screenshot: ({ path, fullPage = false }) => page.screenshot({ path, fullPage }).then(() => undefined),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...args } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[command](args)) ?? null };
  } catch (error) {
    answer = { error: `${command} ${JSON.stringify(args)}: ${error.message}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
