// Set the mathematics of `chainrule step` in a browser: LaTeX by KaTeX, MathML by the browser itself.
//
//   npm install --prefix math katex playwright-core
//   chainrule step --example mazur --format latex > step.tex;  chainrule step --example mazur --format html > step.html
//   NODE_PATH=math/node_modules node tools/mathematics.mjs step.tex step.html [--shots DIR]
//
// Exits with 1 if KaTeX refuses a formula, or a formula takes no room on the page or holds something that MathML does not know.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve, basename, dirname } from "node:path";

const require = createRequire(`${process.env.NODE_PATH}/`);
const { chromium } = require("playwright-core");
const katex = require("katex");
const style = resolve(dirname(require.resolve("katex")), "katex.min.css");

const words = process.argv.slice(2);
const shots = words.includes("--shots") ? words.splice(words.indexOf("--shots"), 2)[1] : null;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
let wrong = 0;
let count = 0;
const known = new Set("math mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mtable mtr mtd mpadded mphantom mstyle menclose mfenced semantics annotation".split(" "));

for (const file of words) {
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
  if (file.endsWith(".tex")) {
    const formulas = [...readFileSync(file, "utf8").matchAll(/\\\[([\s\S]*?)\\\]/g)].map((match) => match[1]);
    const set = formulas.map((formula, number) => {
      try {
        return katex.renderToString(formula, { displayMode: true, throwOnError: true, strict: "error", output: "html" });
      } catch (error) {
        console.log(`${file}, formula ${number + 1}: ${error.message}`);
        wrong += 1;
        return "";
      }
    });
    await page.goto(`file://${style}`); // a page of the same origin as the fonts
    await page.setContent(`<link rel="stylesheet" href="file://${style}"><body>${set.join("\n")}</body>`);
    count += formulas.length;
    if (!formulas.length) { console.log(`${file} has no formula`); wrong += 1; }
  } else {
    await page.goto(`file://${resolve(file)}`);
    const found = await page.evaluate((names) => [...document.querySelectorAll("math")].map((math) => {
      const box = math.getBoundingClientRect();
      const strange = [...math.querySelectorAll("*")].map((part) => part.localName).filter((name) => !names.includes(name));
      return { room: box.width > 0 && box.height > 8, strange: [...new Set(strange)] };
    }), [...known]);
    count += found.length;
    found.forEach((math, number) => {
      if (math.room && !math.strange.length) return;
      console.log(`${file}, formula ${number + 1}: ${math.room ? `unknown: ${math.strange}` : "takes no room"}`);
      wrong += 1;
    });
    if (!found.length) { console.log(`${file} has no formula`); wrong += 1; }
  }
  if (shots) await page.screenshot({ path: `${shots}/${basename(file)}.png`, fullPage: true });
  await page.close();
}
await browser.close();
console.log(`${count} formulas of ${words.length} files: ${wrong} findings`);
process.exit(wrong ? 1 : 0);
