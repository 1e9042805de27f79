// What esbuild would put into a bundle for nothing, since it can not tell that nothing of it is used. Our own modules
// say in package.json that they do nothing when they are loaded; what is left is told here.
//
// - An `import` of one of Node's own modules reads everything that it exports. With `node:http` that is a WebSocket too,
//   and to have it Node loads the whole of undici: a tenth of a function's start. Asked for by name, nothing is read.
// - `import { z } from 'zod'` names an object of everything that zod has, its 400 KB with texts in fifty languages.
//   `import * as z` means the same, and is taken apart.
// - A client of the SDK describes each of its service's messages, with keys that are constants of the same file. A key
//   that is computed may do something, so that all descriptions are kept; with the constants' values in their place, those
//   that are not used go: of EC2's 800 KB, nearly all.
// - The SDK's document client does nothing when it is loaded either, but does not say so: a function that has no use for
//   it would have it all, with the whole client of DynamoDB.

import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { sep } from 'node:path';
import type { Plugin } from 'esbuild';

const zodByName = /^import \{ z \} from 'zod';$/m;
const documentClient = /^@aws-sdk\/lib-dynamodb$/;

const schemaFile = /@aws-sdk[\\/]client-[^\\/]+[\\/]dist-es[\\/]schemas[\\/]schemas_\d+\.js$/;
const stringConstant = /^const (_\w+) = ("[^"\\]*");$/gm;
const computedKey = /(?<=[{,]\s*)\[(_\w+)\]:/g;

const byName = 'builtin';

/** Marks what was asked from here, which would come here again. */
const asked = Symbol('asked by lean');

export const lean: Plugin = {
  name: 'lean',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path.includes(`${sep}node_modules${sep}`)) return null;
      const text = await readFile(path, 'utf8');
      return { contents: text.replace(zodByName, "import * as z from 'zod';"), loader: 'ts' };
    });
    build.onResolve({ filter: /^[a-z:_/]+$/ }, ({ path }) =>
      isBuiltin(path) ? { path: `node:${path.replace(/^node:/, '')}`, namespace: byName } : null,
    );
    build.onLoad({ filter: /^node:/, namespace: byName }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
      loader: 'js',
    }));
    build.onLoad({ filter: schemaFile }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const values = new Map([...text.matchAll(stringConstant)].map(([, name, value]) => [name, value]));
      const contents = text.replace(computedKey, (key, name: string) => {
        const value = values.get(name);
        return value === undefined ? key : `${value}:`;
      });
      return { contents, loader: 'js' };
    });
    build.onResolve({ filter: documentClient }, async ({ path, pluginData, resolveDir, kind }) => {
      if (pluginData === asked) return null;
      const found = await build.resolve(path, { resolveDir, kind, pluginData: asked });
      if (found.errors.length > 0 || found.external) return null;
      return { path: found.path, sideEffects: false };
    });
  },
};
