// Rhai for CodeMirror: what is a keyword, a string, a number, a comment, a function, a module.
import {
	HighlightStyle,
	indentService,
	LanguageSupport,
	StreamLanguage,
	syntaxHighlighting,
	type StringStream
} from '@codemirror/language';
import { tags } from '@lezer/highlight';

export const KEYWORDS =
	'let const if else switch do while until loop for in continue break return throw try catch fn private import export as global this'.split(
		' '
	);
const CONTROL = new Set(KEYWORDS);
const WORD = /[\p{L}_$][\p{L}\p{N}_$]*/u;

interface State {
	/** What is open: a comment with its depth, or a template with the depth of braces in its `${…}`. */
	open: ({ kind: 'comment'; depth: number } | { kind: 'template' } | { kind: 'braces'; depth: number })[];
}

function token(stream: StringStream, state: State): string | null {
	const top = state.open[state.open.length - 1];
	if (top?.kind === 'comment') return comment(stream, state, top);
	if (top?.kind === 'template') return template(stream, state);
	if (stream.eatSpace()) return null;
	if (stream.match('//')) {
		stream.skipToEnd();
		return 'comment';
	}
	if (stream.match('/*')) {
		const opened = { kind: 'comment' as const, depth: 1 };
		state.open.push(opened);
		return comment(stream, state, opened);
	}
	if (stream.match(/^"(?:[^"\\]|\\.)*"?/)) return 'string';
	if (stream.match(/^'(?:[^'\\]|\\.[^']*)'/)) return 'string';
	if (stream.eat('`')) {
		state.open.push({ kind: 'template' });
		return 'string';
	}
	if (stream.match(/^0[xX][\da-fA-F_]+|^0[oO][0-7_]+|^0[bB][01_]+|^\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?/)) return 'number';
	if (stream.match('#{')) {
		if (top) top.depth += 1;
		return 'punctuation';
	}
	const word = stream.match(WORD);
	if (word && word !== true) {
		const text = word[0];
		if (text === 'true' || text === 'false') return 'bool';
		if (CONTROL.has(text)) return 'keyword';
		if (stream.match(/^\s*::/, false)) return 'namespace';
		if (stream.match(/^\s*!?\(/, false)) return 'variableName.function';
		return 'variableName';
	}
	if (top) {
		if (stream.eat('{')) {
			top.depth += 1;
			return 'punctuation';
		}
		if (stream.eat('}')) {
			top.depth -= 1;
			if (top.depth === 0) state.open.pop();
			return 'punctuation';
		}
	}
	if (stream.match(/^(?:::|=>|==|!=|<=|>=|&&|\|\||\?\?|\.\.=?|[-+*/%&|^<>=!~?])/)) return 'operator';
	stream.next();
	return 'punctuation';
}

function comment(stream: StringStream, state: State, open: { depth: number }): string {
	while (!stream.eol()) {
		if (stream.match('*/')) {
			open.depth -= 1;
			if (open.depth === 0) {
				state.open.pop();
				return 'comment';
			}
		} else if (stream.match('/*')) open.depth += 1;
		else stream.next();
	}
	return 'comment';
}

function template(stream: StringStream, state: State): string {
	while (!stream.eol()) {
		if (stream.match('${')) {
			state.open.push({ kind: 'braces', depth: 1 });
			return 'string';
		}
		if (stream.match('``')) continue;
		if (stream.eat('`')) {
			state.open.pop();
			return 'string';
		}
		stream.next();
	}
	return 'string';
}

const language = StreamLanguage.define<State>({
	name: 'rhai',
	startState: () => ({ open: [] }),
	copyState: (state) => ({ open: state.open.map((one) => ({ ...one })) }),
	token,
	languageData: {
		commentTokens: { line: '//', block: { open: '/*', close: '*/' } },
		closeBrackets: { brackets: ['(', '[', '{', '"', '`'] },
		indentOnInput: /^\s*[}\])]$/
	}
});

const colours = HighlightStyle.define([
	{ tag: tags.keyword, color: 'var(--code-keyword)' },
	{ tag: tags.string, color: 'var(--code-string)' },
	{ tag: [tags.number, tags.bool], color: 'var(--code-number)' },
	{ tag: tags.comment, color: 'var(--code-comment)', fontStyle: 'italic' },
	{ tag: tags.function(tags.variableName), color: 'var(--code-function)' },
	{ tag: tags.namespace, color: 'var(--code-module)' },
	{ tag: [tags.operator, tags.punctuation], color: 'var(--muted)' }
]);

/** As the line before, one step further where that opens something, and one back where this one closes something. */
const indent = indentService.of((context, at) => {
	const before = context.lineAt(at, -1);
	const closes = /^\s*[}\])]/.test(context.textAfterPos(at));
	const opens = /[{[(]\s*(?:\/\/.*)?$/.test(before.text);
	return Math.max(0, context.lineIndent(before.from, -1) + (opens ? context.unit : 0) - (closes ? context.unit : 0));
});

export const rhai = (): LanguageSupport => new LanguageSupport(language, [syntaxHighlighting(colours), indent]);
