// The key-value store.
import { expect, test } from './support/test';

test('an entry is made, changed and deleted', async ({ api, enter, expected }) => {
	await api.app('store');
	const page = await enter('/apps/store/kv');
	await expect(page.getByText('Empty', { exact: true })).toBeVisible();
	await page.getByRole('button', { name: 'New entry' }).click();
	await page.getByLabel('Key', { exact: true }).fill('colour');
	await page.getByLabel('Value, as JSON').fill('blue');
	await expect(page.getByText('This is not JSON; a text stands in quotes.')).toBeVisible();
	await page.getByLabel('Value, as JSON').fill('"blue"');
	await page.getByLabel('Seconds to live').fill('3600');
	await page.getByRole('button', { name: 'Save' }).click();
	await expect(page.getByText('Saved.', { exact: true })).toBeVisible();
	await expect(page.getByText(/it goes in (59|60) min/)).toBeVisible();

	// One that is there already is not overwritten by making it anew.
	expected.statuses.push(412);
	await page.getByRole('button', { name: 'New entry' }).click();
	await page.getByLabel('Key', { exact: true }).fill('colour');
	await page.getByRole('button', { name: 'Save' }).click();
	await expect(page.getByText('There is such a key already.')).toBeVisible();

	// Nor what somebody else has changed meanwhile.
	await page.getByRole('button', { name: 'colour', exact: true }).click();
	await expect(page.getByLabel('Value, as JSON')).toHaveValue('"blue"');
	await api.send('PUT', '/apps/store/kv/colour', { value: 'red' });
	await page.getByLabel('Value, as JSON').fill('"green"');
	await page.getByRole('button', { name: 'Save' }).click();
	await expect(page.getByText('A script, or somebody else, has changed it since.')).toBeVisible();
	await page.getByRole('button', { name: 'colour', exact: true }).click();
	await expect(page.getByLabel('Value, as JSON')).toHaveValue('"red"');

	await page.getByRole('button', { name: 'Delete' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
	await expect(page.getByText('Empty', { exact: true })).toBeVisible();
});

test('keys of every kind are found, shown, changed and deleted', async ({ api, enter }) => {
	await api.app('keys');
	const keys = ['a/b', 'a/../b', '/', './', 'ключ ☕', 'space and +', '%2F', 'a?b#c', 'quote"', 'a\nb', '<b>', 'x'.repeat(512)];
	await api.script('keys', 'fill', `for key in ${JSON.stringify([...keys, '.', '..'])} { kv::set(key, key.len()); }`, {
		routes: ['GET /fill']
	});
	expect((await api.call('keys', '/fill')).status).toBe(204);
	const page = await enter('/apps/keys/kv');
	const list = page.getByRole('region', { name: 'Keys' }).getByRole('listitem');
	await expect(list).toHaveCount(keys.length + 2);
	const value = page.getByLabel('Value, as JSON');
	for (const key of keys) {
		await list
			.filter({ has: page.getByText(key, { exact: true }) })
			.getByRole('button')
			.first()
			.click();
		await expect(page.getByLabel('Key', { exact: true }), key).toHaveValue(key.replace('\n', ''));
		await expect(value, key).toHaveValue(String([...key].length));
		await value.fill('"changed"');
		await page.getByRole('button', { name: 'Save' }).click();
		await expect(page.getByText('Saved.', { exact: true }).first()).toBeVisible();
		await page.getByRole('button', { name: 'Delete' }).click();
		await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
		await expect(list.filter({ has: page.getByText(key, { exact: true }) }), key).toHaveCount(0);
	}
	// No browser can ask for these: that is told, and nothing else is asked for instead.
	await expect(list).toHaveCount(2);
	for (const key of ['.', '..']) {
		await list
			.filter({ has: page.getByText(key, { exact: true }) })
			.getByRole('button')
			.click();
		await expect(page.getByText(`“${key}” cannot stand in an address: only scripts reach it.`)).toBeVisible();
	}
});

test('keys are found by how they begin, and the last question counts', async ({ api, enter }) => {
	await api.app('many-keys');
	await api.script(
		'many-keys',
		'fill',
		'for n in 0..150 { kv::set("user:" + n, n); } kv::set("order:1", 1); kv::set("old", "old");',
		{
			routes: ['GET /fill']
		}
	);
	expect((await api.call('many-keys', '/fill')).status).toBe(204);
	const page = await enter('/apps/many-keys/kv');
	const list = page.getByRole('region', { name: 'Keys' }).getByRole('listitem');
	await expect(list).toHaveCount(100);
	await page.getByRole('button', { name: 'More' }).click();
	await expect(list).toHaveCount(152);

	// The answer to the first comes after that to the second.
	let open = () => {};
	const gate = new Promise<void>((opened) => (open = opened));
	await page.route(/prefix=order/, async (route) => {
		await gate;
		await route.continue();
	});
	const begin = page.getByLabel('Keys that begin with');
	const asked = page.waitForRequest(/prefix=order/);
	await begin.fill('order');
	await asked;
	await begin.fill('user:14');
	await expect(list).toHaveCount(11);
	open();
	await begin.fill('user:149');
	await expect(list).toHaveCount(1);
	await begin.fill('nobody');
	await expect(page.getByText('No key begins so')).toBeVisible();

	// The same of the entry that is shown.
	await begin.fill('o');
	await expect(list).toHaveCount(2);
	await page.unrouteAll({ behavior: 'wait' });
	let let2 = () => {};
	const second = new Promise<void>((opened) => (let2 = opened));
	await page.route('**/kv/order%3A1', async (route) => {
		await second;
		await route.continue();
	});
	await page.getByRole('button', { name: 'order:1', exact: true }).click();
	await page.getByRole('button', { name: 'old', exact: true }).click();
	await expect(page.getByLabel('Key', { exact: true })).toHaveValue('old');
	const late = page.waitForResponse('**/kv/order%3A1');
	let2();
	await (await late).finished();
	await expect(page.getByLabel('Value, as JSON')).toHaveValue('"old"');
	await expect(page.getByLabel('Key', { exact: true })).toHaveValue('old');
});
