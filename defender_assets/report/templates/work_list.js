// A list that one works from: sorted, searched, filtered, saved; its rows open to their devices.

const ROWS_AT_ONCE = 100;

function unpacked(column) {
  return Array.isArray(column) ? column : column.places.map((place) => (place < 0 ? null : column.words[place]));
}

class WorkList {
  constructor(box, name, list) {
    this.box = box;
    this.name = name;
    this.list = list;
    this.columns = list.columns;
    this.values = list.values.map(unpacked);
    this.devices = list.devices;
    this.size = this.values[0].length;
    this.order = Array.from({ length: this.size }, (_, row) => row);
    this.found = this.order;
    this.shown = box.querySelectorAll("tbody tr").length;
    this.sorted = null;
    this.chosen = new Map();
    this.words = [];
    this.table = box.querySelector("table");
    this.body = this.table.tBodies[0];
    this.addControls();
    this.addSorting();
    this.show();
  }

  addControls() {
    const search = element("input");
    search.type = "search";
    search.placeholder = "Search";
    search.setAttribute("aria-label", `Search ${this.list.many}`);
    let waiting;
    search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        this.words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
        this.find();
      }, 80);
    });
    const filters = this.columns.map((column, place) => (column.filtered ? this.filter(column, place) : null));
    const save = element("button", "", "Save as CSV");
    save.type = "button";
    save.addEventListener("click", () => this.save());
    this.count = element("span", "count");
    this.count.setAttribute("role", "status");
    this.controls = element("div", "controls", search, ...filters.filter(Boolean), ...this.sorting(), save, this.count);
    this.box.prepend(this.controls);
    this.further = element("button", "further");
    this.further.type = "button";
    this.further.addEventListener("click", () => {
      this.shown += ROWS_AT_ONCE;
      this.show();
    });
    this.table.parentElement.after(this.further);
    const opening = this.devices?.filter((place) => DATA.details[place]).length;
    if (opening < this.size) {
      const explain = element("code", "", "defender-assets explain DEVICE");
      const words = opening
        ? `Details are here for the ${inNumbers(opening)} most urgent of these ${inNumbers(this.size)} devices. For the others run `
        : "This page has no details of these devices. For them run ";
      this.further.after(element("p", "quiet", words, explain, "."));
    }
  }

  // Several values in one cell ("patch, agent") can be chosen one by one.
  parts(column, value) {
    if (value === null) return ["–"];
    return column.kind === "texts" ? value.split(", ") : [textOf(column, value)];
  }

  filter(column, place) {
    const counts = new Map();
    for (const value of this.values[place]) {
      for (const part of this.parts(column, value)) counts.set(part, (counts.get(part) ?? 0) + 1);
    }
    const compare = comparison(column, column.kind === "severity");
    const parts = [...counts.keys()].sort((one, other) => compare(one === "–" ? null : one, other === "–" ? null : other));
    const choice = element("select");
    choice.setAttribute("aria-label", `Only of one ${column.heading}`);
    choice.append(new Option(`${column.heading}: all`, ""));
    for (const part of parts) choice.append(new Option(`${part} (${inNumbers(counts.get(part))})`, part));
    choice.addEventListener("change", () => {
      if (choice.value) this.chosen.set(place, choice.value);
      else this.chosen.delete(place);
      this.find();
    });
    return choice;
  }

  addSorting() {
    const headings = this.table.tHead.rows[0].cells;
    this.columns.forEach((column, place) => {
      const button = element("button", "", ...headings[place].childNodes);
      button.type = "button";
      button.addEventListener("click", () => this.sortAgain(place));
      headings[place].append(button);
    });
  }

  // In place of the headings, where a narrow screen has none.
  sorting() {
    this.sortedBy = element("select", "sorting");
    this.sortedBy.setAttribute("aria-label", `Sort ${this.list.many}`);
    this.sortedBy.append(new Option("sort by …", ""));
    this.columns.forEach((column, place) => this.sortedBy.append(new Option(`by ${column.heading}`, place)));
    const other = element("button", "sorting", "\u2191\u2193");
    other.type = "button";
    other.disabled = true;
    other.setAttribute("aria-label", "Sort the other way round");
    other.addEventListener("click", () => this.sortAgain(this.sorted.place));
    this.sortedBy.addEventListener("change", () => {
      if (this.sortedBy.value) this.sort(Number(this.sortedBy.value), this.largestFirst(Number(this.sortedBy.value)));
    });
    this.otherWay = other;
    return [this.sortedBy, other];
  }

  largestFirst(place) {
    return ["number", "percent", "severity"].includes(this.columns[place].kind);
  }

  // By a column that the list is sorted by already: the other way round.
  sortAgain(place) {
    this.sort(place, this.sorted?.place === place ? !this.sorted.descending : this.largestFirst(place));
  }

  sort(place, descending) {
    const column = this.columns[place];
    this.sorted = { place, descending };
    this.sortedBy.value = String(place);
    this.otherWay.disabled = false;
    const compare = comparison(column, descending);
    const values = this.values[place];
    this.order = Array.from({ length: this.size }, (_, row) => row).sort(
      (one, other) => compare(values[one], values[other]) || one - other,
    );
    [...this.table.tHead.rows[0].cells].forEach((heading, other) => {
      if (other === place) heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    });
    this.find();
  }

  // The text of every row in lower case, made when it is first searched.
  texts() {
    this.haystack ??= Array.from({ length: this.size }, (_, row) =>
      this.columns.map((column, place) => textOf(column, this.values[place][row])).join("\n").toLowerCase(),
    );
    return this.haystack;
  }

  find() {
    const texts = this.words.length ? this.texts() : [];
    this.found = this.order.filter(
      (row) =>
        this.words.every((word) => texts[row].includes(word)) &&
        [...this.chosen].every(([place, part]) => this.parts(this.columns[place], this.values[place][row]).includes(part)),
    );
    this.show();
  }

  show() {
    this.body.replaceChildren(...this.found.slice(0, this.shown).map((row) => this.row(row)));
    if (!this.found.length && this.size) this.body.append(this.nothing());
    const left = this.found.length - Math.min(this.shown, this.found.length);
    this.further.hidden = left === 0;
    this.further.textContent = `Show ${inNumbers(Math.min(left, ROWS_AT_ONCE))} more of ${inNumbers(left)}`;
    const what = this.size === 1 ? this.list.one : this.list.many;
    this.count.textContent =
      this.found.length === this.size
        ? `${inNumbers(this.size)} ${what}`
        : `${inNumbers(this.found.length)} of ${inNumbers(this.size)} ${what}`;
  }

  // Said in place of the rows where none matches, with a way back.
  nothing() {
    const all = element("button", "", "Show all");
    all.type = "button";
    all.addEventListener("click", () => {
      for (const control of this.controls.querySelectorAll("input, select:not(.sorting)")) control.value = "";
      this.words = [];
      this.chosen.clear();
      this.find();
    });
    const cell = element("td", "", "Nothing matches. ", all);
    cell.colSpan = this.columns.length;
    return element("tr", "", cell);
  }

  row(row) {
    const shown = element("tr");
    this.columns.forEach((column, place) => {
      const value = this.values[place][row];
      const cell = cellOf(column, value);
      if (column.kind === "device") opening(shown, cell, this.devices[row], this.columns.length);
      shown.append(cell);
    });
    return shown;
  }

  save() {
    const headings = this.columns.map((column) => column.heading);
    const rows = this.found.map((row) => this.values.map((values) => values[row]));
    if (this.devices) {
      headings.unshift("device_id");
      rows.forEach((row, place) => row.unshift(DATA.devices[this.devices[this.found[place]]]));
    }
    saveCsv(this.name, [headings, ...rows]);
  }
}
