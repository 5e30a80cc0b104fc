// The imports of JavaScript and TypeScript files as TypeScript resolves them.
// Reads {root, keys, typescript} from standard input, prints [[from, to], ...].
const fs = require('fs')
const path = require('path')

const { root, keys, typescript } = JSON.parse(fs.readFileSync(0, 'utf8'))
const ts = require(typescript)
const real = fs.realpathSync(root)
const options = new Map()

function optionsFor(folder) {
  if (!options.has(folder)) options.set(folder, readOptions(folder))
  return options.get(folder)
}

function readOptions(folder) {
  const usual = { allowJs: true, moduleResolution: ts.ModuleResolutionKind.Bundler, module: ts.ModuleKind.ESNext }
  const file = ts.findConfigFile(folder, ts.sys.fileExists)
  if (!file || !file.startsWith(real + path.sep)) return usual
  const config = ts.readConfigFile(file, ts.sys.readFile).config || {}
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, path.dirname(file))
  return { ...usual, ...options, allowJs: true }
}

const pairs = new Set()
for (const key of keys) {
  const file = path.join(real, key)
  const { importedFiles, referencedFiles } = ts.preProcessFile(fs.readFileSync(file, 'utf8'), true, true)
  for (const each of importedFiles) {
    const found = ts.resolveModuleName(each.fileName, file, optionsFor(path.dirname(file)), ts.sys).resolvedModule
    if (found) pairs.add(JSON.stringify([key, path.relative(real, found.resolvedFileName).split(path.sep).join('/')]))
  }
  for (const each of referencedFiles) {
    const target = path.join(path.dirname(file), each.fileName)
    if (ts.sys.fileExists(target)) pairs.add(JSON.stringify([key, path.relative(real, target).split(path.sep).join('/')]))
  }
}
console.log('[' + [...pairs].join(',') + ']')
