// How one value of a list is shown, compared, searched and saved. Nothing here makes markup of a text.

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

// A name in a script of its own direction must not turn what stands around it. A name of one word that is too long for
// its column breaks behind a point or the like, not inside a part of it.
function isolated(text) {
  if (/\s/.test(text)) return element("bdi", "", text);
  const parts = text.split(/(?<=[._@:/\\])/);
  return element("bdi", "", ...parts.flatMap((part, place) => (place ? [element("wbr"), part] : [part])));
}

// Kept, because to make one takes longer than to write a thousand numbers.
const FORMATS = [0, 1, 2].map(
  (digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }),
);

function inNumbers(value, digits = 0) {
  return FORMATS[digits].format(value);
}

// Rounding never makes a share read 0 or 100 that is not exactly that.
function inPercent(value) {
  const rounded = Math.round(value * 10) / 10;
  const honest = (rounded === 0 || rounded === 100) && value !== rounded ? (rounded === 0 ? 0.1 : 99.9) : rounded;
  return (honest === 0 || honest === 100 ? String(honest) : inNumbers(honest, 1)) + "\u00a0%";
}

function textOf(column, value) {
  if (value === null) return "–";
  if (column.kind === "number") return inNumbers(value, column.digits);
  if (column.kind === "percent") return inPercent(value);
  return String(value);
}

// The public page of a CVE, of an update or of an advisory; other texts stay texts.
function linkedReference(text) {
  for (const [pattern, address] of DATA.publicPages) {
    const found = new RegExp(pattern).exec(text);
    if (!found) continue;
    const link = element("a", "", text);
    link.href = address + found[1];
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    return link;
  }
  return isolated(text);
}

// A tenant, whose own report may lie beside this page. Its name may be any property of an object.
function linkedPage(text) {
  if (!Object.hasOwn(DATA.pages, text)) return isolated(text);
  const link = element("a", "", isolated(text));
  link.href = DATA.pages[text];
  return link;
}

function badge(text) {
  return element("span", `badge ${DATA.tones[text] ?? ""}`.trim(), text);
}

// The same classes as the template gives (list_cell in macros.html.j2).
const CLASSES = { number: "n", percent: "n", date: "tight", reference: "tight", state: "tight", severity: "tight", yes_no: "tight",
  platform: "whole" };

function classOf(column) {
  return CLASSES[column.kind] ?? (column.wide ? "w wide" : "w");
}

function cellOf(column, value) {
  const cell = element("td", value === null ? `${classOf(column)} empty` : classOf(column));
  cell.dataset.heading = column.heading;
  if (value === null) cell.append("–");
  else if (column.kind === "reference") cell.append(linkedReference(value));
  else if (column.kind === "references") {
    value.split(", ").forEach((text, place) => cell.append(place ? ", " : "", linkedReference(text)));
  }
  else if (column.kind === "page") cell.append(linkedPage(value));
  else if (column.kind === "state" || column.kind === "severity") cell.append(badge(value));
  else if (column.kind === "number" || column.kind === "percent" || column.kind === "date") cell.append(textOf(column, value));
  else cell.append(isolated(value));
  return cell;
}

const COLLATOR = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function severityRank(word) {
  const place = DATA.severities.indexOf(word);
  return place < 0 ? DATA.severities.length : place;
}

// What is not known comes last, in both directions.
function comparison(column, descending) {
  const sign = descending ? -1 : 1;
  return (one, other) => {
    if (one === null || other === null) return one === other ? 0 : one === null ? 1 : -1;
    if (typeof one === "number") return sign * (one - other);
    if (column.kind === "severity") {
      return sign * (severityRank(other) - severityRank(one)) || COLLATOR.compare(one, other);
    }
    return sign * COLLATOR.compare(one, other);
  };
}
