"""What is known of users beside their events, as features: their attributes, and the segments of those they are linked to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from fenqun.segmentation.attributes import AttributeEncoder

Floats = npt.NDArray[np.float64]


def described(encoder: AttributeEncoder, attributes: pa.Table) -> Floats:
    """Return (n, d) features of attributes; rows of NaN where all of a user's are missing."""
    known = np.zeros(attributes.num_rows, dtype=bool)
    for learned in encoder.attributes_:
        if learned["column"] in attributes.column_names:
            known |= attributes[learned["column"]].is_valid().to_numpy()
    rows = encoder.transform(attributes)
    rows[~known] = np.nan
    return rows


def neighbour_shares(links: pa.Table, users: pa.Array, known: pa.Array, weights: Floats, prior: Floats) -> Floats:
    """Return the mean segments of the known users that others are linked to.

    Parameters
    ----------
    links
        ``user_id``, ``friend_id``, ``weight``; a link counts in both directions, once, with its larger weight.
    users
        n ids to speak of.
    known, weights
        Ids of m known users, and (m, k) the share of each segment in them.
    prior
        (k,) log-shares of all; a neighbour's worth of it is added, so that one friend does not decide.

    Returns
    -------
    ndarray
        (n, k); NaN for users without a known neighbour.
    """
    shape = len(users), len(known)
    total = sparse.csr_matrix(shape, dtype=np.float64)
    amount = np.maximum(np.nan_to_num(links["weight"].to_numpy()), 0.0)
    for near, far in (("user_id", "friend_id"), ("friend_id", "user_id")):
        row = pc.index_in(links[near], users).fill_null(-1).to_numpy()
        column = pc.index_in(links[far], known).fill_null(-1).to_numpy()
        kept = (row >= 0) & (column >= 0)
        total = total.maximum(sparse.csr_matrix((amount[kept], (row[kept], column[kept])), shape=shape))
    mass = np.asarray(total.sum(axis=1)).ravel()
    found: Floats = np.asarray(total @ weights) + np.exp(prior)
    found /= (mass + 1.0)[:, None]
    found[mass <= 0] = np.nan
    return found
