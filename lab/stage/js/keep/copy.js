// Copying, also where the page does not come by https: there browsers have no clipboard to write to.

/** Copy what a field of text holds. False where the browser does not let us; then it is selected. */
export async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.focus();
    field.select();
    return document.execCommand("copy");
  }
}

/** The address of the page; without its runs it is that of the setting, which any lab can open. */
export function linkOf(address, run) {
  const url = new URL(address);
  for (const name of ["walks", "present", "a", "b", "c", ...(run ? [] : ["run"])]) url.searchParams.delete(name);
  return url.href;
}

/** Whether nobody but this machine can open an address. */
export function isHere(address) {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(address).hostname);
}
