"""The environment variables that genctl reads."""

from __future__ import annotations

VARIABLES: dict[str, str] = {
    "GENCTL_RUNS": "folder of the runs; runs in the current folder when unset",
    "GENCTL_SEED": "the seed",
    "GENCTL_TRAIN_KEY": "the setting train.KEY, as GENCTL_TRAIN_LR=1e-4; also GENCTL_MODEL_KEY, "
    "GENCTL_DATA_KEY and GENCTL_SAMPLE_KEY",
    "GENCTL_WEIGHTS": "the file of Inception weights, or its folder",
    "GENCTL_DATASETS": "folder of the named data sets, with a folder for each; datasets/ in the "
    "cache when unset",
    "GENCTL_CACHE": "cache of features and tokens; ~/.cache/genctl when unset",
    "GENCTL_EMOJI_FONT": "the file of the font Noto Color Emoji; searched for when unset",
    "GENCTL_PLUGINS": "plug-ins to load, as a,b or none; all when unset",
    "GOMP_SPINCOUNT": "how long torch's CPU threads spin while they wait; genctl sets 10000 when "
    "unset, which is faster on a busy machine",
    "NO_COLOR": "no colours when set",
}
"""Variable -> what it is for."""
