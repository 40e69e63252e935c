// Makes a page's tables sort and its charts move. Without it the page has every figure all the same.
"use strict";
document.documentElement.classList.add("js");

const collator = new Intl.Collator(undefined, { numeric: true });
const number = (text) => (/^-?[\d,]+(\.\d+)?\b/.test(text) ? parseFloat(text.replaceAll(",", "")) : null);
const textOf = (row, column) => (row.cells[column] ? row.cells[column].textContent.trim() : "");

function compare(a, b, numeric) {
  if (!numeric) return collator.compare(a, b);
  const [x, y] = [number(a), number(b)];
  if (x === null || y === null) return (x === null) - (y === null);
  return x - y;
}

// Unknown figures stay at the end, whichever way a column is sorted.
function sort(table, column, descending) {
  const body = table.tBodies[0];
  const numeric = table.tHead.rows[0].cells[column].classList.contains("n");
  const rows = [...body.rows].map((row) => [textOf(row, column), row]);
  const known = ([text]) => !numeric || number(text) !== null;
  const sorted = rows.filter(known).sort((a, b) => (descending ? -1 : 1) * compare(a[0], b[0], numeric));
  body.append(...[...sorted, ...rows.filter((row) => !known(row))].map(([, row]) => row));
  for (const head of table.tHead.rows[0].cells) head.removeAttribute("aria-sort");
  table.tHead.rows[0].cells[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
}

const FEW_ROWS = 4;

function makeSortable(table) {
  if (table.tBodies[0].rows.length < FEW_ROWS) return;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = head.classList.contains("n") ? "descending" : "ascending";
      const now = head.getAttribute("aria-sort");
      sort(table, column, now === null ? first === "descending" : now === "ascending");
    });
  });
}

const MANY_ROWS = 15;

function makeFilter(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length <= MANY_ROWS) return;
  const label = document.createElement("label");
  const input = document.createElement("input");
  label.className = "filter";
  input.type = "search";
  label.append("Show rows with ", input);
  table.closest(".table").prepend(label);
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}

// Charts: drawn when they come into view, the rest when the browser is idle, and again when the theme changes.
const dark = matchMedia("(prefers-color-scheme: dark)");
const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: { disableDefaultStyle: true } };
const documents = new Map();
let themes = {};

async function draw(figure) {
  const theme = dark.matches ? "dark" : "light";
  if (figure.dataset.drawn === theme) return;
  figure.dataset.drawn = theme;
  const plot = figure.querySelector(".plot");
  const drawn = await vegaEmbed(plot, { ...documents.get(figure), ...themes[theme] }, options);
  if (figure.drawn) figure.drawn.finalize();
  figure.drawn = drawn;
}

function readCharts() {
  const block = document.getElementById("themes");
  if (block) themes = JSON.parse(block.textContent);
  for (const block of document.querySelectorAll("script.chart-data")) {
    const figure = document.getElementById(`chart-${block.dataset.chart}`);
    if (figure) documents.set(figure, JSON.parse(block.textContent));
  }
}

const whenIdle = window.requestIdleCallback || ((work) => setTimeout(work, 200));

function drawRest() {
  const next = [...documents.keys()].find((figure) => !figure.dataset.drawn);
  if (next) whenIdle(() => draw(next).then(drawRest));
  else document.documentElement.dataset.charts = "drawn";
}

function start() {
  for (const table of document.querySelectorAll("table.sortable")) {
    makeSortable(table);
    makeFilter(table);
  }
  readCharts();
  if (documents.size && window.vegaEmbed) {
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
    }, { rootMargin: "200px" });
    for (const figure of documents.keys()) seen.observe(figure);
    whenIdle(drawRest);
    dark.addEventListener("change", () => documents.forEach((_, figure) => draw(figure)));
  }
  const open = () => {
    const aim = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (aim && aim.tagName === "DETAILS") aim.open = true;
  };
  addEventListener("hashchange", open);
  open();
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
