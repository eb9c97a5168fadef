// Look at pages as a screen reader and a narrow phone would: axe at three widths, sideways scrolling, requests to other servers.
//
//   npm install --prefix axe axe-core playwright-core
//   NODE_PATH=axe/node_modules node tools/accessibility.mjs docs/site/course/*.html [--shots DIR]
//
// Exits with 1 if axe has a serious or critical finding, a page is wider than its window, or it asks another server for something.
import { createRequire } from "node:module";
import { resolve, basename } from "node:path";

const require = createRequire(`${process.env.NODE_PATH}/`);
const { chromium } = require("playwright-core");
const axe = require.resolve("axe-core/axe.min.js");

const words = process.argv.slice(2);
const shots = words.includes("--shots") ? words.splice(words.indexOf("--shots"), 2)[1] : null;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
let wrong = 0;
for (const file of words) {
  for (const [width, scheme] of [[360, "light"], [768, "dark"], [1440, "light"]]) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: scheme });
    const outside = [];
    page.on("request", (request) => { if (!/^(file|data|blob):/.test(request.url())) outside.push(request.url()); });
    await page.goto(`file://${resolve(file)}`);
    await page.addScriptTag({ path: axe });
    const found = (await page.evaluate(() => axe.run())).violations.filter((item) => ["serious", "critical"].includes(item.impact));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    for (const item of found) console.log(`${file} at ${width}: ${item.impact}: ${item.help}: ${item.nodes.map((node) => node.target).slice(0, 3).join(" | ")}`);
    if (wide > 0) console.log(`${file} at ${width}: ${wide} pixels wider than the window`);
    for (const url of outside) console.log(`${file} at ${width}: asks for ${url}`);
    wrong += found.length + (wide > 0) + outside.length;
    if (shots) await page.screenshot({ path: `${shots}/${basename(file, ".html")}-${width}.png`, fullPage: true });
    await page.close();
  }
}
await browser.close();
console.log(`${words.length} pages at 3 widths: ${wrong} findings`);
process.exit(wrong ? 1 : 0);
