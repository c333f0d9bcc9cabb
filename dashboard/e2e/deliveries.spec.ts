// Events on their way: what waits is seen, with how far it is, comes and goes by itself, and can be looked into.
import { expect, test } from './support/test';

test('what is on its way is seen until it has arrived', async ({ api, enter }) => {
	await api.app('mail');
	await api.script('mail', 'send', 'kv::set("sent", event.payload.to)', { topics: ['letters', 'parcels'] });
	const page = await enter('/apps/mail/topics');
	const section = page.getByRole('region', { name: 'On their way' });
	await expect(section.getByText('Nothing is on its way')).toBeVisible();

	for (const to of ['Ada', 'Bea'])
		await api.send('POST', '/apps/mail/topics/letters', { payload: { to }, key: 'street 1', delay: 3_600 });
	await api.send('POST', '/apps/mail/topics/parcels', { payload: { to: 'Cleo' }, delay: 3_600 });
	await expect(section.getByRole('row')).toHaveCount(4);
	const first = section.getByRole('row', { name: /letters/ }).filter({ hasText: 'waiting' });
	await expect(first).toContainText('street 1');
	await expect(first.getByRole('cell', { name: /^in 6\d min|^in 1 hr|^in 1 hour/ })).toBeVisible();
	await expect(section.getByRole('row', { name: /letters/ }).filter({ hasText: 'behind another' })).toHaveCount(1);

	await section.getByLabel('Deliveries that are').selectOption('behind another');
	await expect(section.getByRole('row')).toHaveCount(2);
	await section.getByLabel('Deliveries of').selectOption('parcels');
	await expect(section.getByText('None that fits')).toBeVisible();
	await section.getByLabel('Deliveries that are').selectOption('Every state');
	await section.getByRole('button', { name: 'Look at parcels to send' }).click();
	const dialog = page.getByRole('dialog', { name: 'Delivery' });
	await expect(dialog.getByRole('region', { name: 'Payload' })).toContainText('"to": "Cleo"');
	await page.keyboard.press('Escape');

	// One that goes by itself.
	await section.getByLabel('Deliveries of').selectOption('letters');
	await api.send('POST', '/apps/mail/topics/letters', { payload: { to: 'Dora' }, delay: 5 });
	const soon = section.getByRole('row').filter({ hasNotText: 'street 1' }).filter({ hasText: 'letters' });
	await expect(soon).toHaveCount(1);
	await expect(soon).toHaveCount(0);
	expect(await api.send<{ value: string }>('GET', '/apps/mail/kv/sent')).toMatchObject({ value: 'Dora' });
});

test('what is published by hand is on its way at once', async ({ api, enter }) => {
	await api.app('atonce');
	await api.script('atonce', 'take', '1', { topics: ['t'] });
	await api.send('POST', '/apps/atonce/topics/t', { payload: 1, key: 'k', delay: 3_600 });
	const page = await enter('/apps/atonce/topics');
	const rows = page.getByRole('region', { name: 'On their way' }).getByRole('row');
	await expect(rows).toHaveCount(2);
	// From here on nothing is read by itself: nobody looks.
	await page.evaluate(() => Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' }));
	await page.getByRole('button', { name: 'Publish to t' }).click();
	const dialog = page.getByRole('dialog', { name: 'Publish an event' });
	await dialog.getByLabel('Key (optional)').fill('k');
	await dialog.getByRole('button', { name: 'Publish', exact: true }).click();
	await expect(rows).toHaveCount(3);
});

test('thousands are gone through page by page', async ({ api, enter }) => {
	await api.app('queue');
	await api.script('queue', 'take', '1', { topics: ['t'] });
	for (let n = 0; n < 101; n += 1) await api.send('POST', '/apps/queue/topics/t', { payload: n, key: `k${n}`, delay: 3_600 });
	const vic = await api.user('vic', 'queue', 'viewer');
	const page = await enter('/apps/queue/topics', vic);
	const section = page.getByRole('region', { name: 'On their way' });
	const rows = section.getByRole('row');
	await expect(rows).toHaveCount(51);
	await expect(rows.nth(1)).toContainText('k100');
	const [newer, older] = ['Newer', 'Older'].map((name) => section.getByRole('button', { name })) as [typeof rows, typeof rows];
	await expect(newer).toBeDisabled();
	await older.click();
	await expect(rows.nth(1)).toContainText('k50');
	await older.click();
	await expect(rows).toHaveCount(2);
	await expect(older).toBeDisabled();
	await newer.click();
	await expect(rows.nth(1)).toContainText('k50');
	await rows.nth(1).getByRole('button', { name: 'Look at t to take' }).click();
	await expect(page.getByRole('dialog').getByRole('region', { name: 'Payload' })).toHaveText('50');
});
