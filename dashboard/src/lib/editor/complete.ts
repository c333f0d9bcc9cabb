// Completion: the functions that PiCloud gives to scripts, with their documentation, what a script is called with, and its own names.
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import modules from '$functions';
import { KEYWORDS } from './rhai';

type HelperFunction = (typeof modules)[number]['functions'][number];

/** What `req` and `event` hold, as docs/scripting.md has it. */
const MEMBERS: Record<string, [name: string, detail: string][]> = {
	req: [
		['method', 'string'],
		['path', 'string'],
		['params', 'map: what the route captured'],
		['query', 'map'],
		['headers', 'map, names in lower case'],
		['cookies', 'map'],
		['body', 'blob'],
		['ip', 'string'],
		['id', 'string'],
		['text()', 'the body as text'],
		['json()', 'the body, read as JSON'],
		['form()', 'the body, read as a form']
	],
	event: [
		['kind', '"topic", "schedule" or "manual"'],
		['id', 'string: the same through all attempts'],
		['payload', 'what was published'],
		['attempt', 'integer'],
		['scheduled_at', 'integer: milliseconds'],
		['topic', 'string']
	]
};

function signature(helper: HelperFunction): string {
	return `(${helper.parameters.map((parameter) => `${parameter.name}: ${parameter.type}`).join(', ')}) → ${helper.returns}`;
}

function told(helper: HelperFunction, name: string): () => HTMLElement {
	return () => {
		const box = document.createElement('div');
		const head = document.createElement('code');
		head.textContent = name + signature(helper);
		const text = document.createElement('p');
		text.textContent = helper.doc;
		const example = document.createElement('pre');
		example.textContent = `${helper.example.source}\n→ ${helper.example.value}`;
		box.append(head, text, example);
		return box;
	};
}

function option(helper: HelperFunction, module: string | null): Completion {
	return {
		label: helper.name,
		detail: signature(helper),
		type: 'function',
		apply: (view, _completion, from, to) => {
			const inside = helper.parameters.length > 0 ? 1 : 2;
			view.dispatch({
				changes: { from, to, insert: `${helper.name}()` },
				selection: { anchor: from + helper.name.length + inside },
				userEvent: 'input.complete'
			});
		},
		info: told(helper, module === null ? helper.name : `${module}::${helper.name}`)
	};
}

const byModule = new Map(modules.map((module) => [module.name, module.functions.map((helper) => option(helper, module.name))]));
const anywhere: Completion[] = [
	...(byModule.get(null) ?? []),
	...modules.flatMap((module): Completion[] =>
		module.name === null ? [] : [{ label: module.name, type: 'namespace', info: module.doc, apply: `${module.name}::` }]
	),
	...Object.keys(MEMBERS).map((name): Completion => ({
		label: name,
		type: 'variable',
		detail: name === 'req' ? 'the HTTP request' : 'what started the script'
	})),
	...KEYWORDS.map((label): Completion => ({ label, type: 'keyword', boost: -1 }))
];

export function complete(context: CompletionContext): CompletionResult | null {
	const path = context.matchBefore(/([A-Za-z_]\w*)::\w*/);
	if (path) {
		const module = path.text.split('::')[0]!;
		const options = byModule.get(module);
		return options ? { from: path.from + module.length + 2, options, validFor: /^\w*$/ } : null;
	}
	const member = context.matchBefore(/\b(req|event)\.\w*/);
	if (member) {
		const [owner] = member.text.split('.') as [string];
		const options = MEMBERS[owner]!.map(([label, detail]): Completion => ({ label, detail, type: 'property' }));
		return { from: member.from + owner.length + 1, options, validFor: /^\w*$/ };
	}
	const word = context.matchBefore(/[A-Za-z_]\w*/);
	if (!word && !context.explicit) return null;
	if (word && /[.\w]/.test(context.state.sliceDoc(word.from - 1, word.from))) return null;
	return { from: word?.from ?? context.pos, options: [...anywhere, ...own(context.state.doc.toString())], validFor: /^\w*$/ };
}

/** The functions and variables of the script itself. */
function own(source: string): Completion[] {
	const names = new Map<string, string>();
	for (const [, name] of source.matchAll(/\bfn\s+([A-Za-z_]\w*)/g)) names.set(name!, 'function');
	for (const [, name] of source.matchAll(/\b(?:let|const)\s+([A-Za-z_]\w*)/g))
		if (!names.has(name!)) names.set(name!, 'variable');
	return [...names].map(([label, type]) => ({ label, type, boost: 1 }));
}
