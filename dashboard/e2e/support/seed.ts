// An app that something goes on in: for pictures, and for looking at every page.
import type { Api } from './api';

export const SHOP = 'shop';

const CHECKOUT = `import "lib/prices" as prices;

// Takes an order, charges it, and tells the warehouse.
let order = req.json();
let total = 0;
for item in order.items {
    total += prices::of(item.name) * item.count;
}

let number = kv::incr("orders");
kv::set(\`order:\${number}\`, #{ items: order.items, total: total });
topics::publish("orders", #{ number: number, total: total });
log::info(\`order \${number}\`, #{ total: total, items: order.items.len() });

respond(201, #{ number: number, total: total })
`;

/** Makes it, unless it is there, and tells of an invocation that burnt all its fuel and of one that went well. */
export async function seed(api: Api): Promise<{ failed: string; fine: string }> {
	const { items } = await api.send<{ items: { slug: string }[] }>('GET', '/apps?limit=200');
	// Playwright begins anew after a failure.
	if (!items.some((app) => app.slug === SHOP)) await make(api);
	const one = async (query: string) => {
		const found = await api.send<{ items: { id: string }[] }>('GET', `/apps/${SHOP}/invocations?limit=1&${query}`);
		return found.items[0]!.id;
	};
	return { failed: await one('outcome=out_of_fuel'), fine: await one('script=checkout&status=2xx') };
}

async function make(api: Api): Promise<void> {
	await api.app(SHOP);
	await api.send('PATCH', `/apps/${SHOP}`, {
		name: 'The tea shop',
		limits: { requests_per_minute: 2_000, fuel_per_minute: 20_000_000_000 }
	});
	await api.script(
		SHOP,
		'lib/prices',
		'fn of(name) {\n    switch name {\n        "tea" => 7,\n        "cup" => 12,\n        _ => throw `no price for ${name}`\n    }\n}\n'
	);
	await api.script(SHOP, 'checkout', CHECKOUT.replace('// Takes', '// First: takes'), { routes: ['POST /orders'] });
	await api.script(SHOP, 'checkout', CHECKOUT);
	await api.script(
		SHOP,
		'catalogue',
		'let seen = kv::incr("views");\nlog::debug("shown", #{ views: seen });\n[#{ name: "tea", price: 7 }, #{ name: "cup", price: 12 }]',
		{
			routes: ['GET /catalogue', 'GET /catalogue/{name}']
		}
	);
	await api.script(
		SHOP,
		'suggest',
		'let best = 0;\nfor n in 0..20000 {\n    best = (best * 31 + n) % 1009;\n}\n#{ suggestion: best }',
		{ routes: ['GET /suggest'] }
	);
	await api.script(
		SHOP,
		'stock',
		'let left = 0;\nlet day = 0;\n\n// Counts until the shelves are empty, which they never are.\nwhile left >= 0 {\n    day += 1;\n    left += day % 3;\n}\n\n#{ days: day }\n',
		{ routes: ['GET /stock'] }
	);
	await api.script(
		SHOP,
		'send_parcel',
		'if event.payload.total > 30 {\n    throw "the parcel service does not answer";\n}\nlog::info(`parcel ${event.payload.number} is on its way`);',
		{ topics: ['orders'] }
	);
	await api.script(SHOP, 'report', 'log::info("the week\'s report", #{ orders: kv::get("orders") });', {
		schedules: ['0 7 * * 1', '*/15 * * * *']
	});
	for (const [name, value] of [
		['REGION', 'eu-central'],
		['SHOP_NAME', 'The tea shop']
	])
		await api.send('PUT', `/apps/${SHOP}/vars/${name}`, { value });
	await api.send('PUT', `/apps/${SHOP}/secrets/PARCEL_KEY`, { value: 'do not tell' });
	await api.send('POST', `/apps/${SHOP}/domains`, { domain: 'shop.example.com' });
	await api.user('bea', SHOP, 'editor');
	await api.user('vincent', SHOP, 'viewer');
	await api.send('POST', `/apps/${SHOP}/invitations`, { role: 'viewer' });
	await api.send('POST', '/invitations', { create_apps: true });
	await api.send('POST', '/auth/tokens', { name: 'deploys from CI', role: 'editor', apps: [SHOP] });

	for (const [path, content] of [
		['images/logo.svg', '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>'],
		['images/teapot.svg', '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><path d="M0 0h2v2z"/></svg>'],
		['reports/2026-07.csv', 'product,sold\ntea,120\ncup,31\n'.repeat(900)]
	] as const)
		await api.file(SHOP, path, content);
	for (const day of ['Monday to Friday', 'Monday to Saturday'])
		await api.send('POST', `/apps/${SHOP}/deploy`, {
			scripts: [{ name: 'hours', source: `"Open from ${day}"`, routes: ['GET /hours'] }],
			keep_others: true
		});
	for (const number of [101, 102])
		await api.send('POST', `/apps/${SHOP}/topics/orders`, {
			payload: { number, total: 12 },
			key: 'customer 7',
			delay: 86_400
		});

	const json = { 'content-type': 'application/json' };
	const order = (name: string, count: number) =>
		api.call(SHOP, '/orders', { method: 'POST', headers: json, body: JSON.stringify({ items: [{ name, count }] }) });
	for (let n = 0; n < 60; n += 1) {
		await api.call(SHOP, `/catalogue${n % 3 === 0 ? '/tea' : ''}`);
		if (n % 3 === 0) await api.call(SHOP, '/suggest');
		if (n % 4 === 0) await order('tea', (n % 5) + 1);
	}
	const missing = await order('spoon', 1);
	const empty = await api.call(SHOP, '/stock');
	await api.call(SHOP, '/nowhere');
	const fine = await order('tea', 2);
	const ids = [missing, empty, fine].map((answer) => answer.headers.get('x-request-id')!);
	await recorded(api, SHOP, ids);
}

/** Waits until these invocations can be looked at. */
async function recorded(api: Api, app: string, ids: string[]): Promise<void> {
	const until = Date.now() + 10_000;
	for (const id of ids) {
		for (;;) {
			const found = await fetch(`${api.manager}/api/v1/apps/${app}/invocations/${id}`, {
				headers: { authorization: `Bearer ${api.token}` }
			});
			if (found.ok) break;
			if (Date.now() > until) throw new Error(`${id} is not recorded: ${found.status}`);
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	}
}

/** Every page, with what is to be seen on it before it is looked at. */
export const pages = (failed: string, fine: string): [name: string, path: string, shows: string][] => [
	['apps', '/', 'The tea shop'],
	['overview', `/apps/${SHOP}`, 'Scripts by fuel'],
	['scripts', `/apps/${SHOP}/scripts`, 'send_parcel'],
	['new-script', `/apps/${SHOP}/new`, 'No problem found'],
	['script', `/apps/${SHOP}/scripts/checkout`, 'No problem found'],
	['versions', `/apps/${SHOP}/scripts/checkout?tab=versions`, 'Go back to 1'],
	['triggers', `/apps/${SHOP}/scripts/checkout?tab=triggers`, 'What starts it'],
	['script-invocations', `/apps/${SHOP}/scripts/checkout?tab=invocations`, 'The latest'],
	['releases', `/apps/${SHOP}/releases`, 'Go back to 1'],
	['invocations', `/apps/${SHOP}/invocations`, 'POST /orders'],
	['invocation-failed', `/apps/${SHOP}/invocations/${failed}`, 'It had burnt all its fuel here'],
	['invocation', `/apps/${SHOP}/invocations/${fine}`, 'Calls of the platform'],
	['logs', `/apps/${SHOP}/logs`, 'Live: lines stand here'],
	['topics', `/apps/${SHOP}/topics`, 'customer 7'],
	['schedules', `/apps/${SHOP}/schedules`, 'Run now'],
	['kv', `/apps/${SHOP}/kv`, 'order:1'],
	['files', `/apps/${SHOP}/files`, 'images/logo.svg'],
	['config', `/apps/${SHOP}/config`, 'PARCEL_KEY'],
	['members', `/apps/${SHOP}/members`, 'vincent'],
	['domains', `/apps/${SHOP}/domains`, 'shop.example.com'],
	['audit', `/apps/${SHOP}/audit`, 'put_script'],
	['settings', `/apps/${SHOP}/settings`, 'Save the limits'],
	['account', '/account', 'deploys from CI'],
	['server', '/server', 'Instances in use'],
	['server-settings', '/server?tab=settings', 'Trusted proxies'],
	['users', '/server?tab=users', 'bea'],
	['server-audit', '/server?tab=audit', 'create_app']
];
