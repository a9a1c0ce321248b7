// A list as a CSV file (RFC 4180), with what a spreadsheet would calculate made text.

function csvField(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  // Spreadsheets take a text that begins so for a formula; with an apostrophe before it they do not.
  // https://owasp.org/www-community/attacks/CSV_Injection
  const harmless = /^\s*[=+\-@\t\r]/.test(value) ? `'${value}` : value;
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
