// Modules of the dashboard for Node: bundled by esbuild, imported from memory.
import { fileURLToPath } from 'node:url';
import { ensurePackages } from '../../static/build.mjs';

const folder = fileURLToPath(new URL('../../static/', import.meta.url));

export async function load(source) {
  ensurePackages();
  const esbuild = await import('../../static/node_modules/esbuild/lib/main.js');
  const built = await esbuild.build({
    absWorkingDir: folder,
    entryPoints: [`src/${source}`],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'warning',
  });
  return import(
    `data:text/javascript;base64,${Buffer.from(built.outputFiles[0].contents).toString('base64')}`
  );
}
