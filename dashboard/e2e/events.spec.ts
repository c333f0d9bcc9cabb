// Schedules run by hand; dead letters replayed one by one, all of them, and deleted.
import { expect, test } from './support/test';

test('a schedule is run now, and its invocation looked at', async ({ api, enter }) => {
	await api.app('clock');
	await api.script('clock', 'tick', 'log::info("ticked"); event.kind', { schedules: ['0 0 1 1 *', '0 0 2 1 *'] });
	const page = await enter('/apps/clock/schedules');
	const row = page.getByRole('row', { name: /0 0 1 1 \*/ });
	await expect(row.getByText('not yet')).toBeVisible();
	await row.getByRole('button', { name: 'Run now' }).click();
	await expect(page.getByText('tick is on its way.')).toBeVisible();
	await expect(row.getByText('ok', { exact: true })).toBeVisible();
	await row.getByRole('link', { name: /just now|ago/ }).click();
	await expect(page.getByRole('heading', { name: 'tick by a schedule' })).toBeVisible();
	await expect(page.getByText('ticked')).toBeVisible();
});

test('dead letters are replayed one by one and all at once, and deleted', async ({ api, enter }) => {
	await api.app('letters');
	await api.script('letters', 'work', 'if event.payload != "good" { throw "cannot do " + event.payload; }', { topics: ['jobs'] });
	for (const payload of ['one', 'two', 'three']) await api.send('POST', '/apps/letters/topics/jobs', { payload });
	const page = await enter('/apps/letters/topics');
	const letters = page.getByRole('row', { name: /cannot do/ });
	await expect(letters).toHaveCount(3);

	const one = page.getByRole('row', { name: /cannot do two/ });
	await one.getByRole('button', { name: 'Look' }).click();
	const dialog = page.getByRole('dialog', { name: 'Dead letter' });
	await dialog.getByRole('button', { name: 'Delete' }).click();
	await page.getByRole('dialog', { name: 'Delete this dead letter?' }).getByRole('button', { name: 'Delete' }).click();
	await expect(one).toHaveCount(0);
	await expect(dialog).toHaveCount(0);

	// It fails again, and is a dead letter again.
	await page
		.getByRole('row', { name: /cannot do one/ })
		.getByRole('button', { name: 'Replay' })
		.click();
	await expect(page.getByText('1 delivery on the way again.')).toBeVisible();
	await expect(letters).toHaveCount(2);

	await api.script('letters', 'work', 'kv::incr("done")', { topics: ['jobs'] });
	await page.getByRole('button', { name: 'Replay all' }).click();
	await expect(page.getByText('2 deliveries on the way again.')).toBeVisible();
	await expect(page.getByText('None', { exact: true })).toBeVisible();
	// There is no such key before the first of them has arrived.
	await expect(async () => {
		const done = await api.send<{ value: unknown }>('GET', '/apps/letters/kv/done');
		expect(done.value).toBe(2);
	}).toPass();
});

test('dead letters that were read stay where others come and go', async ({ api, enter }) => {
	await api.app('graves');
	await api.script('graves', 'work', 'throw "cannot do " + event.payload', { topics: ['jobs'] });
	await api.script('graves', 'tick', 'throw "cannot tick"', { schedules: ['0 0 1 1 *'] });
	const publish = (payload: number) => api.send('POST', '/apps/graves/topics/jobs', { payload });
	for (let n = 0; n < 110; n += 1) await publish(n);
	const topics = () => api.send<{ items: { dead: number }[] }>('GET', '/apps/graves/topics');
	await expect.poll(async () => (await topics()).items[0]?.dead).toBe(110);

	const page = await enter('/apps/graves/topics');
	const letters = page.getByRole('row', { name: /cannot do/ });
	await expect(letters).toHaveCount(50);
	await page.getByRole('button', { name: 'More', exact: true }).click();
	await expect(letters).toHaveCount(100);
	await publish(110);
	await expect(page.getByRole('row', { name: /cannot do 110/ })).toBeVisible();
	await expect(letters).toHaveCount(100);
	await page.getByRole('button', { name: 'More', exact: true }).click();
	await expect(letters).toHaveCount(111);

	// One of the oldest goes, by somebody else.
	const old = page.getByRole('row', { name: /cannot do 1 / });
	await expect(old).toHaveCount(1);
	const { items } = await api.send<{ items: { id: string; payload: number }[] }>('GET', '/apps/graves/dead-letters?limit=200');
	await api.send('DELETE', `/apps/graves/dead-letters/${items.find(({ payload }) => payload === 1)!.id}`);
	await expect(old).toHaveCount(0);
	await expect(letters).toHaveCount(110);

	// A schedule's is of no topic.
	const schedules = await api.send<{ items: { id: string }[] }>('GET', '/apps/graves/schedules');
	await api.send('POST', `/apps/graves/schedules/${schedules.items[0]!.id}/run`);
	await expect(page.getByRole('row', { name: /cannot tick/ })).toBeVisible();
	await expect(letters).toHaveCount(110);
});

test('of more than a thousand topics the first are shown, and that there are more is said', async ({ api, enter }) => {
	await api.app('crowded');
	for (let n = 0; n < 11; n += 1) {
		const topics = Array.from({ length: 100 }, (_, k) => `topic-${String(n * 100 + k).padStart(4, '0')}`);
		await api.script('crowded', `script-${n}`, '()', { topics });
	}
	const page = await enter('/apps/crowded/topics');
	await expect(page.getByRole('row', { name: 'topic-0999' })).toBeVisible();
	await expect(page.getByText('There are more than these; pic lists all of them.')).toBeVisible();
	await expect(page.getByRole('row', { name: 'topic-1000' })).toHaveCount(0);
});
