import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Autosave, Conflict, type AutosaveOptions } from "./autosave";
import { EMPTY } from "./defaults";
import { CompositionDocument } from "./document";
import { addText, setLayout, setStyle } from "./edits";
import { begin, edited, MAX_STEPS, redone, settled, undone } from "./history";
import type { CompositionState } from "./types";

describe("history", () => {
  it("goes back and forth, and forgets what was undone at the next edit", () => {
    let history = edited(edited(begin(0), 1), 2);
    history = undone(undone(undone(history)));
    expect(history.present).toBe(0);
    history = redone(history);
    expect(history.present).toBe(1);
    expect(redone(edited(history, 9)).present).toBe(9);
  });

  it("takes a drag as one step", () => {
    let history = edited(begin(0), 1, "drag a");
    for (const x of [2, 3, 4]) history = edited(history, x, "drag a");
    history = edited(history, 5, "drag b");
    expect(undone(history).present).toBe(4);
    expect(undone(undone(history)).present).toBe(0);
  });

  it("takes two drags of one thing as two steps", () => {
    const history = edited(settled(edited(begin(0), 1, "drag")), 2, "drag");
    expect(undone(history).present).toBe(1);
  });

  it("does not coalesce into a step that was undone to", () => {
    const history = undone(edited(edited(begin(0), 1, "drag"), 2));
    expect(undone(edited(history, 3, "drag")).present).toBe(1);
  });

  it("is bounded", () => {
    let history = begin(0);
    for (let i = 1; i <= MAX_STEPS + 50; i++) history = edited(history, i);
    expect(history.past).toHaveLength(MAX_STEPS);
  });
});

describe("a document", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  function opened(write: AutosaveOptions<CompositionState>["write"], etag: string | null = '"0"') {
    const isTransient = (error: unknown) => error instanceof TypeError;
    const autosave = new Autosave<CompositionState>(EMPTY, etag, { write, isTransient, quietMs: 100, now: () => 42 });
    return new CompositionDocument(EMPTY, autosave);
  }

  it("saves the newest state once it is quiet", async () => {
    const write = vi.fn().mockResolvedValue('"1"');
    const document = opened(write);
    document.edit((state) => setLayout(state, 0, "pip"));
    await vi.advanceTimersByTimeAsync(90);
    document.edit((state) => setLayout(state, 0, "speaker"));
    await vi.advanceTimersByTimeAsync(90);
    expect(write).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(20);
    expect(write).toHaveBeenCalledOnce();
    expect(write.mock.calls[0]?.slice(0, 2)).toEqual([document.state.get(), '"0"']);
    expect(document.saving.get()).toEqual({ kind: "saved", atMs: 42 });
  });

  it("saves what was edited while it saved, with the new tag", async () => {
    let answer: (etag: string) => void = () => undefined;
    const write = vi.fn(() => new Promise<string>((resolve) => (answer = resolve)));
    const document = opened(write);
    document.edit((state) => setLayout(state, 0, "pip"));
    const flushed = document.flush();
    document.edit((state) => setLayout(state, 0, "split"));
    answer('"1"');
    await vi.advanceTimersByTimeAsync(0);
    answer('"2"');
    await flushed;
    await vi.advanceTimersByTimeAsync(200);
    expect(write).toHaveBeenCalledTimes(2);
    expect(write.mock.calls[1]?.slice(1, 2)).toEqual(['"1"']);
  });

  it("that was never saved is saved when asked, though nothing was edited: else it could not be exported", async () => {
    const write = vi.fn().mockResolvedValue('"1"');
    const document = opened(write, null);
    await vi.advanceTimersByTimeAsync(500);
    expect(write).not.toHaveBeenCalled();
    await document.flush();
    expect(write.mock.calls[0]?.slice(0, 2)).toEqual([EMPTY, null]);
    await document.flush();
    expect(write).toHaveBeenCalledOnce();
  });

  it("has nothing to save after an edit and its undoing", async () => {
    const write = vi.fn().mockResolvedValue('"1"');
    const document = opened(write);
    document.edit((state) => setLayout(state, 0, "pip"));
    expect(document.steps.get()).toEqual({ canUndo: true, canRedo: false });
    document.undo();
    expect(document.steps.get()).toEqual({ canUndo: false, canRedo: true });
    expect(document.saving.get().kind).toBe("saved");
    await vi.advanceTimersByTimeAsync(500);
    expect(write).not.toHaveBeenCalled();
  });

  it("writes nothing after a conflict until somebody decides", async () => {
    const write = vi
      .fn<AutosaveOptions<CompositionState>["write"]>()
      .mockRejectedValueOnce(new Conflict())
      .mockResolvedValue('"8"');
    const document = opened(write);
    document.edit((state) => setLayout(state, 0, "pip"));
    await vi.advanceTimersByTimeAsync(100);
    expect(document.saving.get().kind).toBe("conflict");
    document.edit((state) => setLayout(state, 0, "split"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(write).toHaveBeenCalledOnce();
    await document.keepMine('"7"');
    expect(write.mock.calls[1]?.slice(0, 2)).toEqual([document.state.get(), '"7"']);
    expect(document.saving.get().kind).toBe("saved");
  });

  it("takes theirs, and has its own back by undo", async () => {
    const write = vi
      .fn<AutosaveOptions<CompositionState>["write"]>()
      .mockRejectedValueOnce(new Conflict())
      .mockResolvedValue('"8"');
    const document = opened(write);
    document.edit((state) => setLayout(state, 0, "pip"));
    await vi.advanceTimersByTimeAsync(100);
    const theirs = setStyle(EMPTY, { gap: 0 });
    document.takeTheirs(theirs, '"7"');
    expect([document.state.get(), document.saving.get().kind]).toEqual([theirs, "saved"]);
    document.undo();
    expect(document.state.get().timeline).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(write.mock.calls[1]?.[1]).toBe('"7"');
  });

  it("tries again after what passes, later each time, and not after what does not", async () => {
    const write = vi.fn().mockRejectedValue(new TypeError("offline"));
    const document = opened(write);
    document.edit((state) => addText(state, 0, "a", { x: 0, y: 0, w: 1, h: 1 }, 1));
    await vi.advanceTimersByTimeAsync(100);
    expect(document.saving.get()).toMatchObject({ kind: "failed", retryInMs: 2_000 });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(document.saving.get()).toMatchObject({ kind: "failed", retryInMs: 4_000 });
    write.mockRejectedValue(new Error("refused"));
    await vi.advanceTimersByTimeAsync(4_000);
    expect(document.saving.get()).toMatchObject({ kind: "failed", retryInMs: null });
    await vi.advanceTimersByTimeAsync(600_000);
    expect(write).toHaveBeenCalledTimes(3);
    await expect(document.flush()).rejects.toThrow("refused");
  });

  it("is saved a last time when it is closed, and what runs is not broken off", async () => {
    let answer: (etag: string) => void = () => undefined;
    const write = vi.fn(() => new Promise<string>((resolve) => (answer = resolve)));
    const document = opened(write);
    document.edit((state) => setLayout(state, 0, "pip"));
    await vi.advanceTimersByTimeAsync(100);
    document.edit((state) => setLayout(state, 0, "split"));
    document.close();
    answer('"1"');
    await vi.advanceTimersByTimeAsync(0);
    expect(write.mock.calls.map((call) => (call as unknown[])[1])).toEqual(['"0"', '"1"']);
    expect((write.mock.calls[1] as unknown[] | undefined)?.[0]).toEqual(document.state.get());
  });

  it.each([null, '"0"'])(
    "is not saved when it is closed as it was opened (%s), nor tried again after",
    async (etag) => {
      const write = vi.fn().mockRejectedValue(new TypeError("offline"));
      opened(write, etag).close();
      expect(write).not.toHaveBeenCalled();
      const document = opened(write, etag);
      document.edit((state) => setLayout(state, 0, "pip"));
      document.close();
      await vi.advanceTimersByTimeAsync(600_000);
      expect(write).toHaveBeenCalledOnce();
    },
  );

  it("is not written over a conflict by saving it once more", async () => {
    const write = vi.fn().mockRejectedValue(new Conflict());
    const document = opened(write);
    document.edit((state) => setLayout(state, 0, "pip"));
    await vi.advanceTimersByTimeAsync(100);
    await expect(document.flush()).rejects.toBeInstanceOf(Conflict);
    expect(write).toHaveBeenCalledOnce();
  });

  it("repeats a write whose answer was lost before it writes what is newer: no conflict with itself", async () => {
    const server = { state: EMPTY, etag: '"0"', isAnswering: false };
    const document = opened((state, etag) => {
      const isOwn = state === server.state;
      if (!isOwn && etag !== server.etag) return Promise.reject(new Conflict());
      if (!isOwn) Object.assign(server, { state, etag: `"${Number(server.etag.slice(1, -1)) + 1}"` });
      return server.isAnswering ? Promise.resolve(server.etag) : Promise.reject(new TypeError("lost"));
    });
    document.edit((state) => setLayout(state, 0, "pip"));
    await vi.advanceTimersByTimeAsync(100);
    server.isAnswering = true;
    document.undo();
    expect(document.saving.get().kind).toBe("unsaved");
    await document.flush();
    expect(document.saving.get().kind).toBe("saved");
    expect(server.state).toBe(EMPTY);
  });
});
