/* Parts of Consul that Kith has no such thing for: what is called there is told so. */
#include "consul/consul.h"

void consul_no_acl(struct exchange *x)
{
    /* As Consul without ACLs, which its clients know. */
    answer_error(x, 401, "not_allowed",
                 "ACL support disabled: who may change things is told by the "
                 "token of this peer");
}

void consul_absent(struct exchange *x)
{
    answer_error(x, 501, "absent",
                 "Kith has no prepared queries, coordinates, Raft, connect or snapshots by this "
                 "API: docs/http.md says what there is");
}
