#ifndef KITH_BASE_TREE_H
#define KITH_BASE_TREE_H
/*
 * The ordered map: a red-black tree inside the caller's structs, over libbsd's <bsd/sys/tree.h>.
 * For everything whose order shows, which is nearly everything: iteration is by key, never by hash
 * or address. The tree owns nothing and allocates nothing.
 *
 *     struct member {
 *         struct ulid id;
 *         TREE_ENTRY(member) by_id;
 *     };
 *     static int compare_id(const struct member *a, const struct member *b);
 *     TREE_DEFINE(member_tree, member, by_id, compare_id)      makes struct member_tree
 *
 *     struct member_tree tree = {0};                           zeroed = empty
 *     struct member *m, *next;
 *     TREE_INSERT(member_tree, &tree, m);                      NULL, or the one with the same key
 *     TREE_FOREACH (m, member_tree, &tree)
 *         ...
 *     TREE_FOREACH_SAFE (m, member_tree, &tree, next)          m may be removed and freed
 *         ...
 *
 * `type` is the tag of a struct. A look-up takes a struct of that type in which only the key is
 * filled. Finding, inserting and removing cost O(log n), the next one O(1) on average. Elements
 * stay where they are, so one struct can be in several trees by several fields.
 */
#include <bsd/sys/tree.h>
#include <stddef.h>

#define TREE_ENTRY(type) RB_ENTRY(type)

/* Where the tree's struct must be known in a header and its functions in the .c file, use these two
 * instead of TREE_DEFINE. RB_GENERATE_STATIC itself does not compile with libbsd on Linux. */
#define TREE_HEAD(name, type) RB_HEAD(name, type)
#define TREE_FUNCTIONS(name, type, field, compare)                                                 \
    RB_PROTOTYPE_INTERNAL(name, type, field, compare, static inline __attribute__((unused)))       \
    RB_GENERATE_INTERNAL(name, type, field, compare, static inline __attribute__((unused)))

/* `compare` is int (const struct type *, const struct type *): < 0, 0, > 0. No semicolon after. */
#define TREE_DEFINE(name, type, field, compare)                                                    \
    TREE_HEAD(name, type);                                                                         \
    TREE_FUNCTIONS(name, type, field, compare)

#define TREE_EMPTY(tree)             RB_EMPTY(tree)
#define TREE_INSERT(name, tree, elm) RB_INSERT(name, tree, elm)
#define TREE_REMOVE(name, tree, elm) RB_REMOVE(name, tree, elm)
#define TREE_FIND(name, tree, key)   RB_FIND(name, tree, key)  /* NULL when absent */
#define TREE_FROM(name, tree, key)   RB_NFIND(name, tree, key) /* the first at or after the key */
#define TREE_FIRST(name, tree)       RB_MIN(name, tree)
#define TREE_LAST(name, tree)        RB_MAX(name, tree)
#define TREE_NEXT(name, tree, elm)   RB_NEXT(name, tree, elm)
#define TREE_PREV(name, tree, elm)   RB_PREV(name, tree, elm)

#define TREE_FOREACH(var, name, tree) RB_FOREACH (var, name, tree)
#define TREE_FOREACH_FROM(var, name, from)                                                         \
    for ((var) = (from); (var) != NULL; (var) = TREE_NEXT(name, /* tree= */ NULL, var))
#define TREE_FOREACH_SAFE(var, name, tree, next) RB_FOREACH_SAFE (var, name, tree, next)

#endif
