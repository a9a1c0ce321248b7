// A list as a CSV file (RFC 4180), with what a spreadsheet would calculate made text.

function csvField(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  // The same as in the files beside the page (spreadsheets.py): an apostrophe before it makes a formula a text.
  const harmless = new RegExp(DATA.formula).test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function saveCsv(name, rows) {
  // With a mark of its encoding, because Excel expects none of the world's alphabets without.
  const text = "\ufeff" + rows.map((row) => row.map(csvField).join(",")).join("\r\n") + "\r\n";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = `${name}-${DATA.day}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
