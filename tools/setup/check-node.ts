/** An optional package that fails to install is skipped silently: make sure that the pinned Node is really the one that runs. */
const MAJOR = 26;
const major = Number(process.versions.node.split('.')[0]);
if (major < MAJOR) {
  console.error(
    `Node ${String(MAJOR)} is needed and Node ${process.versions.node} runs (${process.execPath}): the optional package that holds it was not installed for ${process.platform} ${process.arch}`,
  );
  process.exit(1);
}
