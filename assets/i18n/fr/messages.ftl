# What checks, errors and notices say. Each card has: brief (one line beside the check), found, expected, why, advice.

## Small words

duration-milliseconds = { $n } ms
duration-seconds = { $n } s
duration-minutes = { $minutes } min { $seconds } s
duration-whole-minutes = { $minutes } min
duration-hours = { $hours } h { $minutes } min
moment = { $day } { $month } { $year } à { $hour } h { $minute }
first-of-month = 1er
month-1 = janvier
month-2 = février
month-3 = mars
month-4 = avril
month-5 = mai
month-6 = juin
month-7 = juillet
month-8 = août
month-9 = septembre
month-10 = octobre
month-11 = novembre
month-12 = décembre
points = { $n } { $n ->
    [one] pt
   *[other] pts
}
list-and = { $before } et { $last }
list-or = { $before } ou { $last }
in-quotes = « { $text } »
value-none = rien
value-empty = un texte vide

weight-mebibytes = { $whole },{ $tenth } Mio

## What a field is expected to be

expect-at-least = au moins { $min }
expect-at-most = au plus { $max }
expect-between = entre { $min } et { $max }
expect-any-amount = une quantité
expect-present = une valeur
expect-absent = aucune valeur
expect-contains = un texte qui contient « { $text } »
expect-not = autre chose que { $value }
field-is = { $path } = { $value }
field-expected = { $path } : { $expected }
field-absent = { $path } n’est pas renseigné
fields-brief = trouvé { $found }, attendu { $expected }
fields-brief-more = { $count } champs à corriger, dont { $path }
nothing = rien

## Objects of the cluster

thing-named = { $kind } { $name }
thing-selected = { $kind } d’étiquette { $selector }
place-namespace = dans le Namespace { $namespace }
place-cluster = dans le cluster
within-note = Le contrôle a attendu { $duration }.

object-holds-found = { $names } { $place } : tout y est comme attendu.
object-gone-found = Il n’y a plus d’objet { $thing } { $place }.
object-expected = Un objet { $thing } { $place }.
object-expected-fields = Un objet { $thing } { $place }, avec { $fields }.
object-expected-absent = Aucun objet { $thing } { $place }.

object-missing =
    .brief = introuvable { $place }
    .found = Aucun objet { $thing } { $place }.
    .others = Il y a en revanche : { $others }.
    .elsewhere = { $count ->
        [one] Il y en a un dans un autre Namespace : { $elsewhere }.
       *[other] Il y en a dans d’autres Namespaces : { $elsewhere }.
    }
    .why = L’objet n’a pas encore été créé, ou il a été supprimé.
    .why-others = Un objet de ce genre existe, mais pas celui qui est attendu : le nom et les étiquettes se comparent à la lettre près.
    .why-elsewhere = Un objet ne vaut que dans son propre Namespace : ailleurs, il n’a pas d’effet ici.
    .advice = Appliquez votre manifeste, puis regardez si l’objet est là.
    .advice-others = Comparez metadata.name et metadata.labels de votre manifeste avec la consigne, puis appliquez-le de nouveau.
    .advice-elsewhere = Recréez l’objet dans le Namespace { $namespace } : option -n { $namespace }, ou champ metadata.namespace du manifeste.

object-unwanted =
    .brief = { $count ->
        [one] encore présent
       *[other] encore { $count } objets
    }
    .found = Encore { $place } : { $names }.
    .why = La suppression n’a pas été demandée, ou elle n’est pas terminée : un Pod s’arrête d’abord proprement, ce qui prend jusqu’à 30 s.
    .why-pods = Un Pod supprimé est recréé tant que le Deployment ou le ReplicaSet qui le demande existe.
    .advice = Supprimez l’objet, puis attendez qu’il ait disparu.
    .advice-pods = Supprimez le Deployment plutôt que ses Pods, puis attendez qu’ils aient disparu.

object-differs =
    .found = { $thing } : { $fields }.
    .expected = { $fields }.
    .why = Le champ a une autre valeur que celle de la consigne.
    .why-amount = Les quantités se comparent par ce qu’elles valent : 512Mi et 536870912 sont égales, 512Mi et 512M ne le sont pas.
    .why-absent = Le champ n’est pas dans l’objet : il manque au manifeste, ou il est placé au mauvais niveau d’indentation.
    .why-status = Ce champ est écrit par le cluster : il dit l’état que l’objet a atteint, et non celui que vous demandez.
    .advice = Corrigez le manifeste, appliquez-le de nouveau, puis relisez l’objet tel que le cluster le connaît.
    .advice-status = Lisez la description de l’objet et ses évènements : ils disent ce qui l’en empêche.

object-count =
    .brief = trouvé { $found }, attendu { $expected }
    .found = { $found ->
        [0] Aucun objet { $thing } { $place } n’est comme attendu.
        [one] Un seul objet { $thing } { $place } est comme attendu.
       *[other] { $found } objets { $thing } { $place } sont comme attendu.
    }
    .expected = Leur nombre : { $expected }.
    .why = Seuls comptent les objets qui ont tous les champs demandés.
    .advice = Listez les objets et comparez leur nombre et leur état avec la consigne.

object-forged =
    .brief = statut écrit par { $user }
    .found = Le statut de { $thing } est comme attendu, mais c’est le compte { $user } qui l’a écrit.
    .expected = Un statut écrit par le cluster lui-même : kubelet, planificateur ou contrôleur.
    .why = Un statut modifié à la main ne prouve rien : le composant qui en répond doit l’avoir constaté.
    .advice = Provoquez l’effet réel que l’étape demande, puis relancez le contrôle.

## Commands

command-found-pass = La commande a donné ce qui était attendu.
command-expected-exit = Le code de sortie { $code }.
command-expected-contains = Une sortie qui contient { $texts }.
command-expected-excludes = Une sortie sans { $texts }.
command-expected-matches = Une sortie qui correspond à l’expression { $pattern }.
command-says = Elle dit : « { $text } ».
command-silent = Elle n’écrit rien.

command-exit =
    .brief = code { $code }, attendu { $expected }
    .found = La commande s’est terminée avec le code { $code }.
    .why = Par convention, 0 veut dire que tout s’est bien passé ; tout autre code signale un échec, expliqué sur la sortie d’erreur.
    .why-zero = La commande a réussi alors qu’un refus était attendu : ce qui devait l’arrêter n’est pas en place.
    .advice = Lancez la commande dans votre terminal et lisez son message en entier.

command-signal =
    .brief = arrêtée par le signal { $signal }
    .found = La commande a été arrêtée par le signal { $signal }.
    .why = { $signal ->
        [9] Le signal 9 (SIGKILL) vient du système, souvent quand la mémoire manque, ou d’un arrêt forcé.
        [15] Le signal 15 (SIGTERM) est une demande d’arrêt.
       *[other] Un programme arrêté par un signal n’a pas pu finir son travail.
    }
    .advice = Lancez la commande dans votre terminal pour voir ce qui l’arrête.

command-missing =
    .brief = { $text } n’apparaît pas
    .found = La sortie ne contient pas { $texts }.
    .why = Le texte est cherché tel quel dans la sortie standard, majuscules et espaces compris.
    .advice = Lancez la commande dans votre terminal et comparez sa sortie avec ce qui est attendu.

command-unwanted =
    .brief = { $text } apparaît encore
    .found = La sortie contient encore { $texts }.
    .why = Ce texte montre que l’état de départ n’a pas, ou pas entièrement, changé.
    .advice = Lancez la commande dans votre terminal et cherchez d’où vient ce texte.

command-unmatched =
    .brief = la sortie n’a pas la forme attendue
    .found = La sortie n’a pas la forme attendue.
    .why = Aucune ligne de la sortie ne correspond à l’expression.
    .advice = Lancez la commande dans votre terminal et comparez sa sortie avec l’exemple de la consigne.

## Files

file-expected = Le fichier { $path }, avec le contenu demandé.
file-holds-found = { $path } a le contenu attendu.

file-missing =
    .brief = fichier absent
    .found = Il n’y a pas de fichier { $path } dans le dossier de travail.
    .why = Le fichier n’a pas été créé, ou il porte un autre nom, ou il est dans un autre dossier.
    .advice = Créez-le dans le dossier de travail, sous ce nom exact.

file-not-a-file =
    .brief = ce n’est pas un fichier
    .found = { $path } n’est pas un fichier ordinaire.
    .why = C’est un dossier, un tube ou un périphérique : il n’a pas de contenu à lire.
    .advice = Renommez-le, puis créez un fichier de ce nom.

file-outside =
    .brief = hors du dossier de travail
    .found = { $path } mène hors du dossier de travail.
    .why = Un lien symbolique conduit ailleurs. Le contrôle ne lit que ce qui est dans le dossier de l’étape.
    .advice = Remplacez le lien par une copie du fichier.

file-too-big =
    .brief = fichier trop gros
    .found = { $path } pèse { $size }.
    .expected = Un fichier de 1 Mio au plus.
    .why = Au-delà, le fichier n’est pas lu : aucun fichier de l’atelier n’a besoin de cette taille.
    .advice = Gardez dans ce fichier ce que la consigne demande, et rien d’autre.

file-not-text =
    .brief = ce n’est pas du texte
    .found = { $path } n’est pas un texte en UTF-8.
    .why = Le fichier est binaire, ou il a été enregistré dans un autre encodage.
    .advice = Enregistrez-le de nouveau en UTF-8.

file-unreadable =
    .brief = YAML illisible, ligne { $line }
    .found = { $path } n’est pas du YAML valide, ligne { $line }, colonne { $column }.
    .found-nowhere = { $path } n’est pas du YAML valide.
    .reason = Le lecteur dit : « { $reason } ».
    .why = L’indentation se fait avec des espaces, jamais avec des tabulations, et « : » est suivi d’une espace.
    .advice = Corrigez cette ligne ou celle qui la précède. kubectl dit aussi ce qu’il ne comprend pas.

file-no-document =
    .brief = document absent
    .found = { $path } ne contient pas le document attendu.
    .found-kinds = { $path } ne contient pas le document attendu, mais : { $kinds }.
    .expected = Un document avec { $fields }.
    .why = Un fichier peut contenir plusieurs documents séparés par « --- » ; aucun n’a ces champs.
    .advice = Ajoutez le document, ou corrigez ses champs apiVersion, kind et metadata.name.

file-differs =
    .found = { $path } : { $fields }.
    .expected = { $fields }.
    .advice = Corrigez le champ, puis enregistrez le fichier.

file-text-missing =
    .brief = { $text } n’apparaît pas
    .found = { $path } ne contient pas { $texts }.
    .expected = Un fichier qui contient { $texts }.
    .why = Le texte est cherché tel quel, majuscules et espaces compris.
    .advice = Ajoutez ce qui manque, puis enregistrez le fichier.

file-text-unwanted =
    .brief = { $text } apparaît encore
    .found = { $path } contient encore { $texts }.
    .expected = Un fichier sans { $texts }.
    .why = Ce passage devait être retiré ou remplacé.
    .advice = Retirez-le, puis enregistrez le fichier.

## HTTP

http-expected = Une réponse { $status } de { $url }.
http-expected-contains = Une réponse { $status } de { $url }, qui contient { $texts }.
http-expected-excludes = Une réponse { $status } de { $url }, sans { $texts }.
http-holds-found = { $url } répond { $status }, comme attendu.

http-refused =
    .brief = connexion refusée
    .found = { $url } refuse la connexion.
    .why = Rien n’écoute à cette adresse et sur ce port : le programme n’est pas lancé, ou il écoute ailleurs.
    .advice = Lancez le service (ou kubectl port-forward), puis vérifiez le port.

http-not-http =
    .brief = ce n’est pas du HTTP
    .found = { $url } a fermé la connexion, ou n’a pas répondu en HTTP.
    .why = Un autre protocole est servi sur ce port (TLS, par exemple), ou le programme s’est arrêté pendant la réponse.
    .advice = Vérifiez le port et le protocole, puis lisez les journaux du service.

http-status =
    .brief = réponse { $status }, attendu { $expected }
    .found = { $url } répond { $status }.
    .found-redirect = { $url } répond { $status } et renvoie vers { $location }.
    .why = { $class ->
        [2] La requête a été acceptée.
        [3] Le service renvoie ailleurs ; le contrôle ne suit pas les redirections.
        [4] Le service a compris la requête et la refuse : adresse, méthode ou droits.
        [5] Le service a échoué en traitant la requête : ses journaux disent pourquoi.
       *[other] Ce n’est pas la réponse demandée par la consigne.
    }
    .advice = Refaites la requête vous-même et lisez la réponse en entier.

http-missing =
    .brief = { $text } n’apparaît pas
    .found = { $url } répond { $status }, mais la réponse ne contient pas { $texts }.
    .why = Le service répond, mais pas ce qui est attendu : il sert peut-être une autre page ou une autre version.
    .advice = Refaites la requête vous-même et lisez la réponse en entier.

http-unwanted =
    .brief = { $text } apparaît encore
    .found = { $url } répond { $status }, et la réponse contient encore { $texts }.
    .why = Ce texte ne devrait plus être servi : l’ancienne version répond peut-être encore.
    .advice = Refaites la requête vous-même et cherchez d’où vient ce texte.

## Questions

question-right-found = Votre réponse, « { $given } », est juste.
question-expected-choice = Une lettre : { $letters }.
question-expected-number = Un nombre, avec ou sans unité.
question-expected-text = Un mot ou une courte expression.

question-unanswered =
    .brief = sans réponse
    .found = Vous n’avez pas encore répondu.
    .why = Les réponses fausses ne coûtent rien : vous pouvez essayer de nouveau.
    .advice = Relisez la question, cherchez la réponse sur le cluster, puis répondez.

question-not-a-choice =
    .brief = ce n’est pas un des choix
    .found = « { $given } » n’est pas un des choix.
    .why = La réponse est une des lettres proposées.
    .advice = Répondez par la lettre seule.

question-not-a-number =
    .brief = ce n’est pas un nombre
    .found = « { $given } » n’est pas un nombre.
    .why = La virgule décimale, les espaces entre les milliers et une unité sont acceptées ; une phrase ne l’est pas.
    .advice = Répondez par le nombre seul.

question-wrong =
    .brief = ce n’est pas la bonne réponse
    .found = Votre réponse, « { $given } », n’est pas la bonne.
    .why = La réponse se lit sur le cluster ou dans le texte de l’étape ; rien ne presse, et une réponse fausse ne coûte rien.
    .why-text = Majuscules, accents et articles ne comptent pas : c’est bien le mot qui n’est pas le bon, ou il en faut un autre pour le dire.
    .advice = Relisez le passage de l’étape qui en parle, et refaites l’observation.

## Observations

seen-node-not-ready = Le nœud { $node } est passé NotReady.
seen-node-ready = Le nœud { $node } est redevenu Ready.
seen-oom-killed = Un conteneur du Pod { $pod } (Namespace { $namespace }) a été arrêté pour avoir dépassé sa limite de mémoire.
seen-unschedulable = Le Pod { $pod } (Namespace { $namespace }) est resté sans nœud.
seen-creation-refused = { $owner } (Namespace { $namespace }) s’est vu refuser un Pod : « { $message } ».

want-node-not-ready = Le nœud { $node } passe NotReady pendant l’étape.
want-any-node-not-ready = Un nœud passe NotReady pendant l’étape.
want-node-ready = Le nœud { $node } redevient Ready pendant l’étape.
want-any-node-ready = Un nœud redevient Ready pendant l’étape.
want-oom-killed = Un conteneur d’un Pod { $app } dépasse sa limite de mémoire et est arrêté (OOMKilled), dans le Namespace { $namespace }.
want-any-oom-killed = Un conteneur dépasse sa limite de mémoire et est arrêté (OOMKilled), dans le Namespace { $namespace }.
want-unschedulable = Un Pod { $app } reste sans nœud faute de ressources (Pending), dans le Namespace { $namespace }.
want-any-unschedulable = Un Pod reste sans nœud faute de ressources (Pending), dans le Namespace { $namespace }.
want-creation-refused = La création d’un Pod est refusée avec « { $message } », dans le Namespace { $namespace }.

observed-not-seen =
    .brief = pas encore observé
    .found = Rien de tel n’a été observé depuis l’ouverture de l’étape.
    .why-node-not-ready = Un nœud passe NotReady quand son kubelet ne donne plus signe de vie : il faut que la mémoire du nœud soit réellement épuisée, ce qui prend quelques instants.
    .why-node-ready = Un nœud redevient Ready quand son kubelet donne de nouveau signe de vie.
    .why-oom-killed = Le noyau n’arrête un conteneur que s’il a une limite de mémoire et la dépasse. Sans limite, c’est le nœud qui s’épuise.
    .why-unschedulable = Un Pod reste Pending quand la somme des demandes (requests) déjà placées ne laisse de place sur aucun nœud.
    .why-creation-refused = Le refus apparaît quand un contrôleur essaie de créer un Pod de trop : le Deployment, lui, est toujours accepté.
    .advice-node-not-ready = Lancez la charge de l’étape sur ce nœud, puis suivez l’état des nœuds sans fermer l’étape.
    .advice-node-ready = Supprimez ce qui épuise le nœud, réparez-le, puis attendez qu’il revienne.
    .advice-oom-killed = Recréez les Pods après avoir posé la limite : elle ne s’applique qu’aux Pods créés ensuite.
    .advice-unschedulable = Augmentez le nombre de copies jusqu’à ce que des Pods restent Pending.
    .advice-creation-refused = Demandez plus de copies que le quota n’en permet, puis lisez les évènements du Namespace.

observed-elsewhere =
    .brief = observé ailleurs
    .found = { $seen } Ce n’est pas ce que l’étape demande.
    .why = L’observation vaut pour le nœud, le Namespace et l’application que la consigne nomme.
    .advice = Refaites l’expérience avec les noms de la consigne.

observed-unproven =
    .brief = observé, mais sans preuve
    .found = { $seen } Mais aucun composant du cluster n’en répond.
    .why = Vous avez tous les droits sur ce cluster, y compris celui d’écrire un statut ou un évènement : seul compte ce que le kubelet, le planificateur ou un contrôleur a constaté.
    .advice = Provoquez l’effet réel, puis laissez le cluster le constater.

## The quota exhaustion test

quota-expected = Les premiers Pods s’exécutent, puis un quota refuse les suivants : { $admitted } admis sur { $asked } demandés.
quota-expected-default = Les premiers Pods s’exécutent, puis un quota refuse les suivants, avant les { $asked } demandés.
quota-numbers = { $asked ->
    [one] 1 Pod demandé
   *[other] { $asked } Pods demandés
}, { $admitted ->
    [0] aucun admis
    [one] 1 admis
   *[other] { $admitted } admis
}, { $running ->
    [0] aucun en cours d’exécution
    [one] 1 en cours d’exécution
   *[other] { $running } en cours d’exécution
}.
quota-pending = { $pending ->
    [one] 1 Pod attend un nœud.
   *[other] { $pending } Pods attendent un nœud.
}
quota-pending-resource = { $pending ->
    [one] 1 Pod attend un nœud, faute de ressource « { $resource } ».
   *[other] { $pending } Pods attendent un nœud, faute de ressource « { $resource } ».
}
quota-refused-by-quota = Le ResourceQuota { $name } a refusé le suivant : « { $message } ».
quota-refused-by-limit-range = La LimitRange { $name } a refusé le suivant : « { $message } ».
quota-refused-by-a-limit-range = Une LimitRange a refusé le suivant : « { $message } ».
quota-refused-otherwise = Le cluster a refusé le Pod : « { $message } ».
quota-exhausted = { $count ->
    [one] Ressource épuisée : { $resource }.
   *[other] Ressources épuisées : { $resource }.
}
quota-own = { $own ->
    [one] 1 est de votre Deployment, le reste vient de la copie.
   *[other] { $own } sont de votre Deployment, le reste vient de la copie.
}
quota-left = { $left ->
    [one] 1 objet de l’essai n’a pas pu être retiré à temps ; il le sera au prochain démarrage.
   *[other] { $left } objets de l’essai n’ont pas pu être retirés à temps ; ils le seront au prochain démarrage.
}

quota-right =
    .brief = { $admitted } admis sur { $asked }, puis refus

quota-none =
    .brief = aucun quota : { $admitted } admis sur { $asked }
    .why = Le Namespace { $namespace } n’a pas de ResourceQuota : rien ne borne le nombre de ses Pods.
    .why-limits = Le Namespace { $namespace } a une LimitRange, mais pas de ResourceQuota : chaque Pod est borné, leur nombre ne l’est pas.
    .advice = Créez dans ce Namespace un ResourceQuota qui limite requests.memory et limits.memory (ou pods), puis relancez le contrôle.

quota-loose =
    .brief = quota trop large : { $admitted } admis sur { $asked }
    .why = { $count ->
        [one] Le quota { $quotas } laisse
       *[other] Les quotas { $quotas } laissent
    } tout passer : ce qui est limité n’est pas ce que ces Pods consomment, ou la valeur est trop haute.
    .why-nodes = { $count ->
        [one] Le quota { $quotas } accorde
       *[other] Les quotas { $quotas } accordent
    } plus que les nœuds ne peuvent donner : les derniers Pods admis restent Pending, et le Namespace affame encore ses voisins.
    .why-range = { $count ->
        [one] Le quota { $quotas } refuse bien, mais trop tard : il laisse
       *[other] Les quotas { $quotas } refusent bien, mais trop tard : ils laissent
    } passer plus de Pods que la consigne n’en permet.
    .advice = Additionnez ce que demande un Pod, multipliez par le nombre voulu, et abaissez spec.hard en conséquence.

quota-tight =
    .brief = quota trop serré : { $admitted } admis sur { $asked }
    .why = Le quota refuse dès les premiers Pods : il accorde moins que ce qu’il en faut pour travailler.
    .brief-used = quota déjà consommé par d’autres Pods
    .why-unspecified = Le quota exige que chaque conteneur déclare { $fields }, et ces Pods ne le font pas.
    .why-used = Le quota est déjà consommé par d’autres Pods du Namespace : il ne reste de place pour aucun de plus.
    .why-limit-range = La LimitRange refuse le Pod lui-même : ce qu’il demande sort des bornes qu’elle fixe.
    .advice = Comparez ce que demande un Pod avec spec.hard et avec ce qui est déjà utilisé, puis élevez la limite qui refuse.
    .advice-used = Supprimez ce qui occupe le quota, attendez que ces Pods aient disparu, puis relancez le contrôle.
    .advice-unspecified = Donnez des valeurs par défaut avec une LimitRange, ou déclarez-les dans le manifeste.
    .advice-limit-range = Comparez les resources du conteneur avec min et max de la LimitRange.

quota-other =
    .brief = refusé pour une autre raison
    .why = Ce n’est ni un quota ni une LimitRange qui refuse : le message du cluster dit quoi.
    .advice = Corrigez ce que le message désigne, puis relancez le contrôle.

quota-not-starting =
    .brief = admis, mais ne démarrent pas
    .found = Les Pods sont admis et placés, mais ne démarrent pas : « { $reason } ».
    .found-no-reason = Les Pods sont admis et placés, mais ne démarrent pas.
    .why = Le quota n’y est pour rien : une image introuvable ou une configuration manquante empêche le conteneur de démarrer.
    .advice = Lisez la description d’un Pod de votre Deployment et ses évènements, et corrigez ce qui l’empêche de démarrer.

quota-nothing-to-copy =
    .brief = rien à copier
    .found = Il n’y a pas de modèle de Pod à copier : ni le Deployment attendu dans le Namespace { $namespace }, ni un manifeste lisible.
    .why = L’essai copie le modèle de Pod d’un Deployment, sans jamais toucher au vôtre. Sans modèle, il n’y a rien à essayer.
    .advice = Appliquez de nouveau le manifeste de l’étape, puis relancez le contrôle.

quota-no-namespace =
    .brief = Namespace absent
    .found = Le Namespace { $namespace } n’existe pas.
    .why = Un quota vaut pour un Namespace : il faut qu’il soit là.
    .advice = Créez le Namespace, puis relancez le contrôle.

## Why a check could not tell

unknown-expected = Un verdict. Rien n’est compté contre vous.

error-no-cluster =
    .brief = pas de cluster
    .found = Aucun cluster n’est à disposition.
    .why = Ce contrôle interroge un cluster, et la session n’en a pas.
    .advice = Relancez avec le bac à sable (--env sandbox), ou voyez ce qui manque avec atelier doctor.
error-cluster =
    .brief = le cluster ne répond pas
    .found = Le cluster n’a pas répondu, ou a répondu de travers : « { $detail } ».
    .why = Sans réponse, le contrôle ne peut rien affirmer : ce n’est pas votre travail qui est en cause.
    .advice = Vérifiez que kubectl répond dans votre terminal, puis relancez le contrôle.
error-unknown-kind =
    .brief = genre d’objet inconnu
    .found = Ce cluster ne connaît pas { $kind } ({ $version }).
    .why = Le genre n’existe pas dans cette version de Kubernetes, ou son extension n’est pas installée.
    .advice = Regardez ce que le cluster connaît, et la version que l’étape demande.
error-forbidden =
    .brief = droit refusé
    .found = Le cluster a refusé la demande du contrôle : « { $message } ».
    .why = Le compte de la session n’a pas le droit que ce contrôle demande.
    .advice = Vérifiez le compte et le contexte de votre session, ou demandez ce droit.
error-timed-out =
    .brief = pas de verdict en { $duration }
    .found = Pas de verdict après { $duration }.
    .why = Le cluster est lent, ou il ne répond plus.
    .advice = Vérifiez que kubectl répond dans votre terminal, puis relancez le contrôle.
error-cancelled =
    .brief = interrompu
    .found = Le contrôle a été interrompu.
    .why = Vous l’avez arrêté, ou la session se termine.
    .advice = Relancez-le quand vous voulez.
error-command =
    .brief = commande impossible à lancer
    .found = La commande « { $command } » n’a pas pu être lancée : { $detail }.
    .why = Il manque bash, ou le dossier de travail n’est plus là.
    .advice = Voyez ce qui manque avec atelier doctor.
error-no-program =
    .brief = { $program } est absent
    .found = Le programme { $program } n’est pas installé sur cette machine.
    .why = Le contrôle en a besoin pour regarder votre travail ; votre travail n’est pas en cause.
    .advice = Installez { $program }, ou voyez ce qui manque avec atelier doctor.
error-http =
    .brief = adresse injoignable
    .found = { $url } n’a pas pu être interrogée : { $detail }.
    .why = Le nom ne se résout pas, ou le réseau ne mène pas à cette adresse.
    .advice = Vérifiez l’adresse, puis relancez le contrôle.
error-file =
    .brief = fichier illisible
    .found = { $path } n’a pas pu être lu : { $detail }.
    .why = Le fichier existe, mais ses droits ou le disque empêchent de le lire.
    .advice = Vérifiez ses droits avec ls -l, et qu’il vous appartient.
error-not-observable =
    .brief = invérifiable ici
    .found = Cet environnement ne montre pas { $what }.
    .why = Le bac à sable tient un journal de qui écrit quoi ; un cluster réel ne le montre pas, et un statut ou un évènement peut être écrit par n’importe qui.
    .advice = Refaites l’étape dans le bac à sable pour que ce contrôle puisse juger.
error-unsupported =
    .brief = demande non prise en charge
    .found = Ce contrôle demande ce que le programme ne fait pas : « { $what } ».
    .why = C’est une erreur de l’étape, et non de votre travail. Les adresses en https, en particulier, ne sont pas prises en charge.
    .advice = Signalez-le à l’auteur du parcours, et passez à la suite.
error-unexpected-answer =
    .brief = réponse incomprise
    .found = Le cluster a donné une réponse que le contrôle ne comprend pas : « { $detail } ».
    .why = Le contrôle préfère ne pas juger plutôt que de se tromper.
    .advice = Relancez le contrôle ; si cela se répète, signalez-le.

unseen-status = qui a écrit ce statut
unseen-node = qui a changé l’état du nœud
unseen-container-end = qui a arrêté le conteneur
unseen-scheduling = qui a laissé le Pod sans nœud
unseen-refusal = qui s’est vu refuser le Pod

## Needs of a step

need-cluster = Cette étape demande un cluster Kubernetes.
need-node = Cette étape demande un nœud { $node }.
need-sandbox = Cette étape ne se fait que dans le bac à sable : elle abîmerait un vrai nœud.
need-docker = Cette étape demande Docker.

## Why a request failed: what happened, and what to do now

fail-no-such-step =
    .what = L’étape { $step } n’existe pas.
    .advice = La carte (touche m) et la commande atelier list donnent toutes les étapes.
fail-no-steps =
    .what = Il n’y a aucune étape.
    .advice = Vérifiez le dossier des parcours avec atelier lab lint.
fail-no-such-check =
    .what = L’étape ouverte n’a pas de contrôle { $check }.
    .advice = atelier check sans précision lance tous les contrôles de l’étape.
fail-no-question =
    .what = Le contrôle { $check } ne pose pas de question.
    .advice = Lancez-le avec la touche c.
fail-no-more-hints =
    .what = Vous avez pris tous les indices de cette étape.
    .advice = Si rien n’y fait, la solution (touche s) montre un chemin et ses raisons.
fail-no-solution =
    .what = La solution de l’étape { $step } n’est pas dans cette version du programme.
    .advice = Votre formateur peut vous la donner.
fail-impossible =
    .what = L’étape { $step } ne peut pas se faire ici. { $need }
    .advice = Passez à une autre étape, ou voyez ce qui manque avec atelier doctor.
fail-held =
    .what = L’étape { $step } est retenue par { $by } : « { $why } ».
    .advice = Elle reste lisible ; ses contrôles attendront qu’elle soit libérée.
fail-not-accepted =
    .what = Le parcours { $course } n’est pas fourni avec le programme : rien de ce qu’il contient n’est lancé sans votre accord.
    .advice = Si vous faites confiance à sa source, acceptez son empreinte { $digest }.
fail-wrong-digest =
    .what = L’empreinte acceptée n’est pas celle du parcours.
    .advice = Le parcours a changé depuis : relisez-le, puis acceptez sa nouvelle empreinte.
fail-not-confirmed =
    .what = Le cluster réel du contexte { $context } ({ $server }) n’a pas été confirmé.
    .advice = Vérifiez le nom du contexte affiché, puis confirmez-le.
fail-no-environment =
    .what = Le cluster n’est pas encore là.
    .advice = Attendez qu’il démarre ; s’il ne vient pas, rouvrez l’étape.
fail-busy =
    .what = Un autre travail est en cours.
    .advice = Attendez sa fin, ou interrompez-le.
fail-cancelled =
    .what = Le travail a été interrompu.
    .advice = Relancez-le quand vous voulez.
fail-not-verified =
    .what = La solution de l’étape { $step } a été appliquée, mais ses contrôles ne passent pas : { $checks }.
    .advice = Refaites l’étape (touche r), puis recommencez ; si cela se répète, signalez-le à l’auteur du parcours.
fail-baseline =
    .what = L’état de départ de l’étape n’a pas pu être gardé : { $detail }.
    .advice = Vérifiez la place sur le disque et les droits du dossier d’Atelier.
fail-broken =
    .what = Une partie du programme s’est arrêtée : { $detail }.
    .advice = C’est notre faute. Relancez atelier : votre progression est gardée.
fail-no-home =
    .what = Aucun dossier personnel : ni ATELIER_HOME ni HOME ne sont définis.
    .advice = Définissez ATELIER_HOME, par exemple avec export ATELIER_HOME=/tmp/atelier.
fail-home-folder =
    .what = Le dossier { $path } ne peut pas être préparé : { $detail }.
    .advice = Vérifiez qu’il vous appartient et qu’il reste de la place sur le disque.
fail-home-name =
    .what = « { $name } » ne peut pas être un nom de dossier.
    .advice = Renommez le parcours ou l’étape : lettres minuscules, chiffres et tirets.
fail-store-full =
    .what = Il n’y a plus de place sur le disque pour { $path }.
    .advice = Libérez de la place : ce qui était déjà écrit est gardé, ce qui suit ne l’est pas encore.
fail-store-held =
    .what = Un autre programme tient { $path }.
    .advice = Fermez l’autre atelier, ou attendez qu’il ait fini d’écrire.
fail-file =
    .what = Le fichier { $path } n’a pas pu être lu ou écrit : { $detail }.
    .advice = Vérifiez ses droits, et la place sur le disque.
fail-carry-not-progress =
    .what = { $path } n’est pas un fichier de progression.
    .advice = Choisissez un fichier écrit par atelier progress export.
fail-carry-format =
    .what = { $path } vient d’une version plus récente du programme (format { $found }).
    .advice = Mettez atelier à jour, puis importez-le de nouveau.
fail-work-escape =
    .what = Le chemin { $path } sort du dossier de travail.
    .advice = C’est une erreur de l’étape : signalez-la à l’auteur du parcours.
fail-no-kubeconfig =
    .what = Il n’y a pas de kubeconfig : { $paths }.
    .advice = Donnez-en un avec la variable KUBECONFIG, ou travaillez dans le bac à sable (--env sandbox).
fail-kubeconfig =
    .what = Le kubeconfig ne peut pas être lu : { $detail }.
    .advice = Vérifiez-le avec kubectl config view.
fail-no-context =
    .what = Le kubeconfig n’a pas de contexte utilisable nommé { $context }.
    .advice = kubectl config get-contexts donne ceux qui existent.
fail-no-current-context =
    .what = Le kubeconfig ne désigne aucun contexte courant.
    .advice = Choisissez-en un avec kubectl config use-context.
fail-own-sandbox =
    .what = Ce kubeconfig est celui du bac à sable, et non celui d’un cluster réel.
    .advice = Pour le bac à sable, lancez atelier sans --env cluster.
fail-client =
    .what = Le kubeconfig ne permet pas de joindre { $server } : { $detail }.
    .advice = Vérifiez ses certificats et ses jetons.
fail-unreachable =
    .what = Le cluster { $server } ne répond pas : { $detail }.
    .advice = Vérifiez qu’il est allumé et que kubectl get nodes répond.
fail-unreachable-late =
    .what = Le cluster { $server } n’a pas répondu en { $duration }.
    .advice = Vérifiez qu’il est allumé et que kubectl get nodes répond.
fail-changed-server =
    .what = L’adresse du cluster n’est plus celle que vous avez confirmée.
    .advice = Rien n’a été écrit. Vérifiez le contexte, relancez et confirmez de nouveau.
fail-changed-authority =
    .what = L’autorité de certification du cluster n’est plus celle que vous avez confirmée.
    .advice = Rien n’a été écrit. Vérifiez à quel cluster vous parlez, relancez et confirmez de nouveau.
fail-changed-cluster =
    .what = À la même adresse, ce n’est plus le cluster que vous avez confirmé.
    .advice = Rien n’a été écrit. Vérifiez à quel cluster vous parlez, relancez et confirmez de nouveau.
fail-sandbox =
    .what = Le bac à sable n’a pas pu démarrer : { $detail }.
    .advice = Voyez ce qui manque avec atelier doctor.
fail-other-version =
    .what = Un autre atelier (processus { $pid }) sert déjà le bac à sable, en version { $version }.
    .advice = Fermez-le, ou demandez la même version.
fail-sandbox-held =
    .what = Un autre atelier tient le bac à sable et ne répond pas.
    .what-pid = Un autre atelier (processus { $pid }) tient le bac à sable et ne répond pas.
    .advice = Fermez-le, puis relancez.
fail-cluster-request =
    .what = Le cluster a refusé une demande, ou n’y a pas répondu ({ $request }) : { $detail }.
    .advice = Vérifiez que kubectl répond dans votre terminal, puis recommencez.
fail-cluster-late =
    .what = Le cluster n’a pas répondu en { $duration } ({ $request }).
    .advice = Vérifiez que kubectl répond dans votre terminal, puis recommencez.
fail-no-manifest =
    .what = Le manifeste { $path } n’est pas dans les fichiers de l’étape.
    .advice = C’est une erreur de l’étape : signalez-la à l’auteur du parcours.
fail-manifest =
    .what = Le manifeste { $path } ne peut pas être lu : { $detail }.
    .advice = Si vous l’avez modifié, corrigez-le ; sinon, signalez-le à l’auteur du parcours.
fail-outside =
    .what = { $object } est hors des Namespaces que l’étape déclare.
    .advice = C’est une erreur de l’étape : signalez-la à l’auteur du parcours.
fail-already-there =
    .what = Ces objets étaient là avant l’étape, et Atelier n’y touche pas : { $objects }.
    .advice = Supprimez-les ou renommez-les s’ils sont à vous, puis rouvrez l’étape.
fail-stuck =
    .what = Ces objets sont encore là { $duration } après leur suppression : { $objects }.
    .advice = Regardez leurs finalizers et leurs évènements, puis recommencez.
fail-nonsense =
    .what = Le bac à sable a donné une réponse incomprise ({ $request }).
    .advice = C’est notre faute. Relancez atelier ; si cela se répète, signalez-le.
fail-command-start =
    .what = La commande « { $line } » n’a pas pu être lancée.
    .advice = Voyez ce qui manque avec atelier doctor.
fail-command-late =
    .what = La commande « { $line } » n’était pas finie après { $duration }.
    .advice = Lancez-la vous-même dans le terminal pour voir ce qui la retient.
fail-command-failed =
    .what = La commande « { $line } » a échoué (code { $code }) : « { $output } ».
    .what-no-code = La commande « { $line } » a été arrêtée par un signal.
    .advice = Lancez-la vous-même dans le terminal pour lire son message en entier.

## Notices

notice-kept-aside = { $count ->
    [one] Votre fichier modifié a été mis de côté : { $paths }.
   *[other] Vos fichiers modifiés ont été mis de côté : { $paths }.
}
notice-swept = { $count ->
    [one] 1 objet laissé par un essai interrompu a été retiré du cluster.
   *[other] { $count } objets laissés par un essai interrompu ont été retirés du cluster.
}
notice-recovered = La fin du fichier de progression était abîmée ({ $count ->
    [one] 1 octet
   *[other] { $count } octets
}) : elle a été écartée, le reste est intact.
notice-history-changed = Le fichier de progression n’est plus tel que le programme l’avait écrit ({ $count ->
    [one] 1 endroit
   *[other] { $count } endroits
} : { $lines }).
notice-history-shorter = Le fichier de progression a perdu sa fin : il avait { $had } lignes. C’est noté.
notice-was-reset = L’étape { $step } est revenue à son état de départ.
notice-solution-applied = La solution de l’étape { $step } est en place.
notice-caught-up = Les solutions précédentes sont en place : l’étape { $step } est ouverte.
## What is wrong with a lab: the sentence, and how to mend it

diagnostic-error = erreur
diagnostic-warning = remarque
diagnostic-line = { $file }:{ $line }:{ $column }: { $severity } : { $what }
diagnostic-file-too-large = Le fichier pèse { $size } ; la limite est de { $limit }.
    .mend = Découpez-le, ou sortez-en ce qui n’est pas du texte.
diagnostic-folder-too-large = Le dossier contient plus de { $limit } ; le reste n’a pas été lu.
    .mend = Ne gardez dans ce dossier que les fichiers du parcours.
diagnostic-file-unreadable = Le fichier n’a pas pu être lu : { $reason }.
    .mend = Vérifiez qu’il existe et que vous avez le droit de le lire.
diagnostic-not-a-regular-file = C’est un lien symbolique ou un fichier spécial ; il n’est pas suivi.
    .mend = Remplacez-le par une copie du fichier.
diagnostic-bad-file-name = Ce nom de fichier n’est pas portable.
    .mend = Renommez-le sans « : », sans « \ » et sans caractère de contrôle.
diagnostic-not-utf8 = Le texte n’est pas en UTF-8 à partir d’ici.
    .mend = Enregistrez le fichier en UTF-8 depuis votre éditeur.
diagnostic-course-file-missing = Ce dossier de parcours n’a pas de course.yaml.
    .mend = Créez ce fichier, ou retirez le dossier de labs/.
diagnostic-step-missing = L’étape { $step } est dans la liste, mais son fichier { $step }.md manque.
    .mend = Créez le fichier, par exemple avec atelier lab new, ou retirez l’étape de la liste.
diagnostic-step-listed-twice = L’étape { $step } est deux fois dans la liste.
    .mend = Retirez l’une des deux.
diagnostic-bad-id = « { $id } » n’est pas un nom permis ici.
    .mend = N’employez que des minuscules sans accent, des chiffres et des tirets.
diagnostic-format-unsupported = Le format { $found } est inconnu ; ce programme lit le format { $supported }.
    .mend = Écrivez « format: { $supported } », ou mettez le programme à jour.
diagnostic-front-matter-missing = L’étape ne commence pas par un en-tête.
    .mend = Ouvrez le fichier par une ligne « --- », l’en-tête YAML, puis une autre ligne « --- ».
diagnostic-front-matter-unclosed = L’en-tête n’est jamais fermé.
    .mend = Ajoutez une ligne « --- » après le dernier champ.
diagnostic-yaml-syntax = Ce YAML ne se lit pas ({ $detail }).
    .mend = Vérifiez l’indentation, et mettez entre guillemets droits les textes qui contiennent « : » ou « # ».
diagnostic-yaml-too-complex = Ce YAML est trop grand, trop profond, ou ses alias se multiplient.
    .mend = Écrivez les valeurs en toutes lettres plutôt que par des ancres, et découpez l’étape.
diagnostic-unknown-field = Le champ « { $field } » n’existe pas ici.{ $nearest }
    .mend = Les champs possibles sont : { $expected }.
diagnostic-missing-field = Le champ « { $field } » manque.
    .mend = Ajoutez-le ; le guide labs/README.md dit ce qu’il contient.
diagnostic-unknown-variant = « { $found } » n’est pas une valeur permise ici.{ $nearest }
    .mend = Les valeurs possibles sont : { $expected }.
diagnostic-wrong-type = La valeur n’est pas du type attendu : { $expected }.
    .mend = Corrigez la valeur ; un texte qui ressemble à autre chose se met entre guillemets droits.
diagnostic-duplicate-key = La clé « { $key } » est deux fois dans le même bloc.
    .mend = Gardez celle que vous vouliez.
diagnostic-out-of-range = « { $field } » est hors de ses bornes.
    .mend = Donnez une valeur de { $min } à { $max }.
diagnostic-duplicate-check = Deux contrôles ont l’identifiant « { $id } ».
    .mend = Renommez-en un : la progression des élèves s’y réfère.
diagnostic-control-character = Le texte contient un caractère de contrôle ou de direction ({ $code }), qui a été retiré.
    .mend = Supprimez-le ; pour montrer une séquence d’échappement, écrivez-la en clair, comme \e[31m, dans un bloc de code.
diagnostic-bad-path = Le chemin « { $path } » n’est pas permis.
    .mend = Donnez un chemin relatif, sans « .. », qui reste dans son dossier.
diagnostic-lab-file-missing = Le fichier files/{ $path } manque dans le parcours.
    .mend = Ajoutez-le sous files/, ou corrigez le chemin.
diagnostic-action-file-missing = L’étape applique « { $path } », qu’elle ne remet pas à l’élève.
    .mend = Ajoutez ce chemin au champ files.
diagnostic-unknown-block-word = « { $word } » n’a pas de sens à l’ouverture d’un bloc.
    .mend = Les mots possibles sont : run, run-on=MACHINE, file=CHEMIN et output.
diagnostic-block-two-kinds = Ce bloc dit deux choses à la fois.
    .mend = Gardez un seul mot parmi run, run-on, file et output.
diagnostic-block-not-shell = Un bloc « run » s’exécute dans un terminal, mais son langage est « { $language } ».
    .mend = Écrivez bash, ou retirez « run ».
diagnostic-block-nested = Dans une liste ou une citation, ce bloc ne peut être que lu.
    .mend = Sortez-le de la liste, ou retirez le mot qui suit le langage.
diagnostic-block-unclosed = Ce bloc n’est jamais fermé.
    .mend = Ajoutez une ligne avec autant d’accents graves ou de tildes qu’à l’ouverture.
diagnostic-image-missing = L’image { $path } manque.
    .mend = Ajoutez le fichier au dossier du parcours, ou corrigez le chemin.
diagnostic-answer-without-question = La solution répond à « { $check } », qui n’est pas une question de l’étape.
    .mend = Reprenez l’identifiant du contrôle, ou retirez la réponse.
diagnostic-question-without-answer = La solution ne répond pas à la question « { $check } ».
    .mend = Ajoutez-la sous answers, dans l’en-tête de solution.md.
diagnostic-solution-without-step = Cette solution ne correspond à aucune étape : « { $step } ».
    .mend = Donnez au dossier le nom de l’étape, ou retirez-le.
diagnostic-points-do-not-add-up = L’étape annonce { $stated }, mais ses contrôles en valent { $sum }.
    .mend = Corrigez points, ou les points des contrôles.
diagnostic-no-check = Rien ne prouve que cette étape est faite.
    .mend = Ajoutez au moins un contrôle ; une question suffit.
diagnostic-only-guards = Tous les contrôles sont des gardes : l’étape réussirait sans rien faire.
    .mend = Ajoutez un contrôle qui échoue tant que l’élève n’a rien fait.
diagnostic-no-objectives = L’étape ne dit pas ce que l’élève saura faire.
    .mend = Ajoutez une ou deux lignes à objectives, à l’infinitif.
diagnostic-no-minutes = L’étape ne dit pas combien de temps elle dure.
    .mend = Ajoutez minutes.
diagnostic-no-learnt = L’étape ne dit pas ce qui a été appris.
    .mend = Ajoutez learnt, en une phrase.
diagnostic-no-hints = L’étape n’a pas d’indice.
    .mend = Ajoutez-en deux ou trois, du plus léger au plus précis.
diagnostic-no-solution = L’étape n’a pas de solution.
    .mend = Écrivez solution.md dans le dossier de l’étape sous solutions/ ; c’est elle qui prouve que l’étape est faisable.
diagnostic-step-not-listed = Aucun chapitre ne mène à cette étape.
    .mend = Ajoutez-la à course.yaml, ou retirez le fichier.
diagnostic-spec-problem = Le contrôle « { $check } » ne peut pas marcher : { $problem }.
    .mend = Corrigez ce que le contrôle attend, sous expect.
diagnostic-lab-file-unused = Aucune étape ne remet ce fichier.
    .mend = Nommez-le dans le champ files d’une étape, ou retirez-le.
diagnostic-hint-copies-solution = Cet indice donne la solution : « { $words } ».
    .mend = Dites où chercher, non quoi écrire.
diagnostic-solution-file-missing = La solution ne fournit pas { $path }, que l’étape fait écrire ou contrôle.
    .mend = Ajoutez ce fichier au dossier de la solution, au même chemin.
diagnostic-dead-link = Le lien « { $target } » ne mène nulle part.
    .mend = Corrigez la cible ; un lien ne sort pas de labs/.
diagnostic-insecure-link = Le lien « { $target } » n’est pas en https.
    .mend = Donnez l’adresse en https.
diagnostic-remote-image = L’image { $url } est sur le réseau : elle manquera hors ligne.
    .mend = Copiez-la dans le dossier du parcours.
diagnostic-image-without-alt = L’image { $path } n’a pas de texte de remplacement.
    .mend = Dites entre les crochets ce qu’elle montre.
diagnostic-heading-skips = Ce titre est de niveau { $to }, celui d’avant de niveau { $from }.
    .mend = Descendez d’un seul niveau à la fois.
diagnostic-html = Un terminal ne montre pas le HTML.
    .mend = Écrivez la même chose en Markdown.
diagnostic-missing-accent = « { $found } » a perdu un accent.
    .mend = Écrivez « { $expected } ».
diagnostic-word-not-used = « { $found } » ne s’emploie pas ici.
    .mend = Écrivez « { $instead } » ; un nom de commande ou de champ se met entre accents graves.
diagnostic-no-break-space-before = Il manque une espace insécable avant « { $mark } ».
    .mend = Tapez une espace insécable (U+00A0 ou U+202F) à la place de l’espace ordinaire, ou avant le signe.
diagnostic-no-break-space-after = Il manque une espace insécable après le guillemet ouvrant.
    .mend = Tapez une espace insécable (U+00A0 ou U+202F) après lui.
diagnostic-straight-quotes = Des guillemets droits dans un texte français.
    .mend = Employez les guillemets français, avec des espaces insécables ; le code se met entre accents graves.
diagnostic-exclamation = Un point d’exclamation.
    .mend = Finissez la phrase par un point.
diagnostic-emoji = Un émoji : { $found }.
    .mend = Dites-le avec un mot.
diagnostic-meant = { " " }Vouliez-vous dire « { $word } » ?
diagnostic-limit-files = { $n } fichiers
diagnostic-kibibytes = { $n } Kio
diagnostic-mebibytes = { $n } Mio
diagnostic-limit-depth = { $n } dossiers l’un dans l’autre
diagnostic-type-text = un texte
diagnostic-type-number = un nombre entier
diagnostic-type-truth = true ou false
diagnostic-type-list = une liste
diagnostic-type-mapping = un bloc de champs
diagnostic-spec-contradiction = « { $first } » et « { $second } » se contredisent
diagnostic-spec-empty = « { $field } » est vide
diagnostic-spec-expects-nothing = il n’attend rien, et réussirait toujours
diagnostic-spec-escaping-path = le chemin « { $path } » sort du dossier de travail
diagnostic-spec-bad-pattern = l’expression « { $pattern } » ne se lit pas ({ $reason })
diagnostic-spec-bad-address = l’adresse « { $url } » ne peut pas être interrogée (http seulement)
diagnostic-spec-no-answer = la question n’a pas de bonne réponse
diagnostic-spec-answer-not-a-choice = la bonne réponse, « { $answer } », n’est pas l’un des choix
diagnostic-spec-out-of-bounds = « { $field } » doit aller de { $min } à { $max }

## Courses, progress, new steps

lab-unreadable = Le dossier { $path } n’a pas pu être lu : { $detail }.
    .mend = Vérifiez le chemin et les droits.
lab-step-unknown = Aucune étape ne s’appelle « { $name } ».
    .mend = Voyez les étapes avec atelier list.
lab-step-ambiguous = « { $name } » peut désigner { $candidates }.
    .mend = Écrivez-en davantage.
lab-bad-name = « { $name } » ne peut pas être un nom de parcours ou d’étape.
    .mend = N’employez que des minuscules sans accent, des chiffres et des tirets.
lab-step-exists = L’étape { $step } existe déjà.
    .mend = Choisissez un autre nom.
carry-not-progress = Ce fichier n’est pas un fichier de progression.
    .mend = Exportez-le sur l’autre machine avec atelier progress export.
carry-format = Ce fichier de progression est au format { $found } ; ce programme lit le format 1.
    .mend = Mettez ce programme à jour.
flaw-unreadable = ligne { $line } : illisible, passée
flaw-torn = ligne { $line } : écriture interrompue, passée
flaw-changed = ligne { $line } : modifiée après coup
flaw-missing = ligne { $line } : { $lines ->
    [one] une ligne manque
   *[other] { $lines } lignes manquent
} avant elle
flaw-moved = ligne { $line } : déplacée ou répétée
