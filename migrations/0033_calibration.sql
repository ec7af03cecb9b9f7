-- A version of the thresholds may have been fitted by labels (docs/bot.md, "Learning"): the calibrator that they are for, and how
-- well both did before and after. Null: as the weights have it; set by hand.
ALTER TABLE bot_threshold ADD COLUMN calibrator TEXT;
ALTER TABLE bot_threshold ADD COLUMN figures TEXT;
